/* The schema tenantmv of a store: made where it is missing, brought up to date where an older version made
 * it. */
#include <stdio.h>

#include "lib/assert.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "sql_embedded.h"
#include "store/guard/guard.h"
#include "store/guard/table_lock.h"

#define PREPARE_TIMEOUT_US (30 * US_PER_S)
#define UPGRADE_PATIENCE_US (60 * US_PER_S)
#define TABLES_HELD_MS 1000 /* at most, while the engine says nothing */

/* 0: there is none. */
static bool read_version(struct pgx_conn *conn, int64_t *ret_version, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *known = NULL;
    AUTO_RESULT struct pgx_result *row = NULL;

    *ret_version = 0;
    if (!pgx_query(conn, PREPARE_TIMEOUT_US, sql_preflight_schema_version, PGX_NONE, &known, err))
        return false;
    if (!pgx_bool(known, 0, 0))
        return true;
    if (!pgx_query(conn, PREPARE_TIMEOUT_US, sql_store_version, PGX_NONE, &row, err))
        return false;
    *ret_version = pgx_rows(row) ? pgx_int(row, 0, 0) : 0;
    return true;
}

static bool refuse_newer(struct pgx_conn *conn, int64_t version, struct tmv_error *err)
{
    if (version <= STORE_SCHEMA_VERSION)
        return true;
    err_set(err, TMV_ERR_REFUSED, "the schema tenantmv of %s has version %lld; this program knows %d",
            pgx_place(conn), (long long)version, STORE_SCHEMA_VERSION);
    return err_hint(err, "use the newer tenantmv that made it");
}

/* In one transaction with what is there already: the tables' new keys and the functions that use them.
 * Writers are held for the moment in which the old ones are replaced, as when a guard is installed. */
static bool upgrade(struct pgx_conn *conn, const struct store_shape *shape, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(128 * 1024);
    char held[24];
    const struct pgx_var limit = {"idle_ms", held};

    snprintf(held, sizeof held, "%d", TABLES_HELD_MS);
    if (!store_sql(&sql, sql_store_upgrade, shape, NULL, 0, err))
        return false;
    buf_str(&sql, ";\n");
    if (!pgx_expand(&sql, sql_any_held_limit, &limit, 1, err))
        return false;
    buf_str(&sql, ";\n");
    return store_sql(&sql, sql_guard_functions, shape, NULL, 0, err) &&
           table_lock_run(conn, shape, buf_text(&sql), UPGRADE_PATIENCE_US, err);
}

static bool create_functions(struct pgx_conn *conn, const struct store_shape *shape, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(conn, PREPARE_TIMEOUT_US, sql_guard_functions_exist,
                   PGX_ARGS(PGX_INT(STORE_SCHEMA_VERSION)), &result, err))
        return false;
    return (pgx_bool(result, 0, 0) || upgrade(conn, shape, err)) &&
           pgx_query(conn, PREPARE_TIMEOUT_US, sql_guard_register, PGX_ARGS(PGX_INT(shape->relation_oid)),
                     NULL, err);
}

bool guard_prepare_store(struct pgx_conn *conn, const struct store_shape *shape, struct tmv_error *err)
{
    char role[PGX_QUOTED_MAX], database[PGX_QUOTED_MAX];
    int64_t version;

    TMV_ASSERT(shape->relation_oid);
    if (!pgx_begin(conn, PREPARE_TIMEOUT_US, err))
        return false;
    if (read_version(conn, &version, err) && refuse_newer(conn, version, err) &&
        (version == STORE_SCHEMA_VERSION ||
         pgx_script(conn, PREPARE_TIMEOUT_US, sql_store_schema, 0, NULL, err)) &&
        create_functions(conn, shape, err) && fault_hit("guard.before_prepare_commit", err) &&
        pgx_commit(conn, PREPARE_TIMEOUT_US, err))
        return true;
    pgx_rollback(conn, PREPARE_TIMEOUT_US);
    err_wrap(err, "preparing the schema tenantmv in %s", pgx_place(conn));
    if (err_is_sqlstate(err, "42501"))
        err_hint(err, "GRANT CREATE ON DATABASE %s TO %s;", pgx_quoted(pgx_database(conn), database),
                 pgx_quoted(pgx_user(conn), role));
    return false;
}

bool guard_upgrade_store(struct pgx_conn *conn, const struct store_shape *shape, struct tmv_error *err)
{
    int64_t version;

    if (!read_version(conn, &version, err))
        return false;
    return version == 0 || version == STORE_SCHEMA_VERSION || guard_prepare_store(conn, shape, err);
}

/* The public look at a store, and the creation of the built-in profile's events table. */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "sql_embedded.h"
#include "store/shape.h"

static bool read_version(struct pgx_conn *conn, bool *ret_ready, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(conn, STORE_TIMEOUT_US, sql_store_version, PGX_NONE, &result, err))
        return false;
    *ret_ready = pgx_rows(result) == 1 && pgx_int(result, 0, 0) == STORE_SCHEMA_VERSION;
    return true;
}

static bool look(struct pgx_conn *conn, const struct store_shape *shape, struct tmv_store_facts *ret_facts,
                 struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    struct pgx_value oid = shape->relation_oid ? PGX_INT(shape->relation_oid) : PGX_NULL;

    if (!pgx_query(conn, STORE_TIMEOUT_US, sql_store_check, PGX_ARGS(oid), &result, err))
        return false;
    ret_facts->server_version = (int)pgx_int(result, 0, 0);
    ret_facts->read_only = pgx_bool(result, 0, 1);
    ret_facts->estimated_events = pgx_int(result, 0, 3);
    text_copy(ret_facts->database, sizeof ret_facts->database, pgx_text(result, 0, 4));
    text_copy(ret_facts->user, sizeof ret_facts->user, pgx_text(result, 0, 5));
    /* Without the right to read our schema it is as good as not there: the guard could not be used either. */
    struct tmv_error unreadable;
    if (pgx_bool(result, 0, 2) && !read_version(conn, &ret_facts->guard_ready, &unreadable) &&
        !pgx_is_usable(conn)) {
        *err = unreadable;
        return false;
    }
    return true;
}

bool tmv_store_check(const struct tmv_store_info *store, struct tmv_store_facts *ret_facts,
                     struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *conn = NULL;
    AUTO_FREE struct store_shape *shape = calloc(1, sizeof *shape);
    struct tmv_error why;

    memset(ret_facts, 0, sizeof *ret_facts);
    if (!shape)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (!store_connect(store, &(struct pgx_options){.part = "check"}, &conn, err))
        return false;
    ret_facts->has_events =
        store_shape_discover(conn, store->events_schema, store->events_table, shape, &why);
    if (!ret_facts->has_events && why.code != TMV_ERR_REFUSED) {
        *err = why;
        return err_wrap(err, "store %s", store->id);
    }
    ret_facts->partitioned = shape->partitioned;
    ret_facts->columns = (int)shape->column_count;
    if (!store_identity_read(conn, store, &ret_facts->identity, err))
        return false;
    if (!look(conn, shape, ret_facts, err))
        return err_wrap(err, "store %s", store->id);
    return true;
}

bool tmv_store_create_events(const struct tmv_store_info *store, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *conn = NULL;
    AUTO(buf) struct buf events = BUF_INIT(300);
    AUTO(buf) struct buf schema = BUF_INIT(200);
    AUTO(buf) struct buf sql = BUF_INIT(20000);
    char role[PGX_QUOTED_MAX];
    const char *schema_name = *store->events_schema ? store->events_schema : "public";

    pgx_ident(&schema, schema_name);
    pgx_qualified(&events, schema_name, *store->events_table ? store->events_table : "events");
    const struct pgx_var vars[] = {{"events", buf_text(&events)}, {"schema", buf_text(&schema)}};
    if (!pgx_expand(&sql, sql_store_events_plain, vars, ARRAY_LEN(vars), err))
        return false;
    if (!store_connect(store, &(struct pgx_options){.part = "create"}, &conn, err))
        return false;
    if (pgx_script(conn, STORE_TIMEOUT_US, buf_text(&sql), 0, NULL, err))
        return true;
    err_wrap(err, "creating the events table of store %s", store->id);
    if (err_is_sqlstate(err, "42P07"))
        err_hint(err, "the table is there already: look at it with `tenantmv store check NAME`");
    else if (err_is_sqlstate(err, "42501"))
        err_hint(err, "GRANT CREATE ON SCHEMA %s TO %s", buf_text(&schema), pgx_quoted(pgx_user(conn), role));
    return false;
}

/* Installs and checks the control schema. A database whose schema is from a newer program is never touched.
 */
#include "control/schema.h"

#include "lib/err.h"
#include "control/repositories.h"
#include "pg/ident.h"
#include "sql_embedded.h"

static bool look_failed(struct pgx_conn *conn, struct tmv_error *err)
{
    char role[PGX_QUOTED_MAX];

    pgx_quoted(pgx_user(conn), role);
    err_wrap(err, "looking for the control schema in %s", pgx_place(conn));
    if (err_is_sqlstate(err, "42501"))
        err_hint(err,
                 "GRANT USAGE ON SCHEMA tenantmv TO %s; GRANT SELECT ON ALL TABLES IN SCHEMA tenantmv TO %s",
                 role, role);
    return false;
}

/* 0: no schema. */
static bool read_version(struct pgx_conn *conn, int64_t *ret_version, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *stands = NULL;
    AUTO_RESULT struct pgx_result *version = NULL;

    *ret_version = 0;
    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_version, PGX_NONE, &stands, err))
        return look_failed(conn, err);
    if (!pgx_bool(stands, 0, 0))
        return true;
    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_version_read, PGX_NONE, &version, err))
        return look_failed(conn, err);
    *ret_version = pgx_rows(version) > 0 ? pgx_int(version, 0, 0) : 0;
    return true;
}

static bool too_new(struct pgx_conn *conn, int64_t version, struct tmv_error *err)
{
    err_set(err, TMV_ERR_REFUSED, "the control schema of %s has version %lld; this program knows %d",
            pgx_place(conn), (long long)version, CONTROL_SCHEMA_VERSION);
    return err_hint(err, "use the newer tenantmv that made it");
}

static bool check(struct pgx_conn *conn, bool newer_will_do, struct tmv_error *err)
{
    int64_t version;

    if (!read_version(conn, &version, err))
        return false;
    if (version == CONTROL_SCHEMA_VERSION || (version > CONTROL_SCHEMA_VERSION && newer_will_do))
        return true;
    if (version > CONTROL_SCHEMA_VERSION)
        return too_new(conn, version, err);
    err_set(err, TMV_ERR_REFUSED,
            version == 0 ? "%s has no control schema of tenantmv"
                         : "the control schema of %s is from an older tenantmv",
            pgx_place(conn));
    return err_hint(err, "run once: tenantmv init");
}

bool control_schema_check(struct pgx_conn *conn, struct tmv_error *err)
{
    return check(conn, false, err);
}

bool control_schema_check_router(struct pgx_conn *conn, struct tmv_error *err)
{
    return check(conn, true, err);
}

static bool install(struct pgx_conn *conn, struct tmv_error *err)
{
    int64_t version;

    if (!pgx_script(conn, CONTROL_TIMEOUT_US, sql_control_init_lock, 0, NULL, err) ||
        !read_version(conn, &version, err))
        return false;
    if (version > CONTROL_SCHEMA_VERSION)
        return too_new(conn, version, err);
    if (version == CONTROL_SCHEMA_VERSION)
        return true;
    return pgx_script(conn, CONTROL_TIMEOUT_US, sql_control_schema, 0, NULL, err) &&
           pgx_script(conn, CONTROL_TIMEOUT_US, sql_control_functions, 0, NULL, err) &&
           pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_version_write,
                     PGX_ARGS(PGX_INT(CONTROL_SCHEMA_VERSION)), NULL, err);
}

static bool install_failed(struct pgx_conn *conn, struct tmv_error *err)
{
    char role[PGX_QUOTED_MAX], database[PGX_QUOTED_MAX];

    pgx_quoted(pgx_user(conn), role);
    err_wrap(err, "installing the control schema in %s", pgx_place(conn));
    if (err_is_sqlstate(err, "42501"))
        err_hint(
            err,
            "run it as the owner of the database, or: GRANT CREATE ON DATABASE %s TO %s; GRANT CREATE ON "
            "SCHEMA public TO %s (and as the owner of the shared tables, when they exist)",
            pgx_quoted(pgx_database(conn), database), role, role);
    else if (err_is_sqlstate(err, "55P03"))
        err_hint(err, "another session holds a table for long; nothing was changed: try again");
    return false;
}

bool tmv_control_init(const char *conninfo, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *conn = NULL;

    if (!tmv_conninfo_check(conninfo, err) ||
        !pgx_connect(&(struct pgx_options){.conninfo = conninfo, .part = "init"}, &conn, err))
        return err_wrap(err, "control database");
    if (!pgx_begin(conn, CONTROL_TIMEOUT_US, err))
        return false;
    if (!install(conn, err) || !pgx_commit(conn, CONTROL_TIMEOUT_US, err)) {
        pgx_rollback(conn, CONTROL_TIMEOUT_US);
        return err->code == TMV_ERR_SQL ? install_failed(conn, err) : false;
    }
    return true;
}

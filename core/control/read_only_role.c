/* A role for watching: what the console's read-only mode promises is kept by the database. */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "control/repositories.h"
#include "control/schema.h"
#include "pg/ident.h"
#include "sql_embedded.h"

#define ROLE_MAX 63 /* bytes of a name in PostgreSQL */
#define SCRIPT_MAX 8192

static bool check_name(const char *role, struct tmv_error *err)
{
    if (role[0] != '\0' && strlen(role) <= ROLE_MAX && strncmp(role, "pg_", 3) != 0)
        return true;
    err_set(err, TMV_ERR_USAGE, "\"%.80s\" is no name for a role", role);
    return err_hint(err, "1 to %d bytes, not beginning with pg_", ROLE_MAX);
}

static bool grant(struct pgx_conn *conn, const char *role, struct tmv_error *err)
{
    AUTO(buf) struct buf ident = BUF_INIT(SCRIPT_MAX);
    AUTO(buf) struct buf literal = BUF_INIT(SCRIPT_MAX);
    AUTO(buf) struct buf database = BUF_INIT(SCRIPT_MAX);
    AUTO(buf) struct buf script = BUF_INIT(SCRIPT_MAX);

    pgx_ident(&ident, role);
    pgx_literal(&literal, role);
    pgx_ident(&database, pgx_database(conn));
    const struct pgx_var vars[] = {
        {"role", buf_text(&ident)}, {"role_literal", buf_text(&literal)}, {"database", buf_text(&database)}};
    if (!pgx_expand(&script, sql_control_read_only_role, vars, ARRAY_LEN(vars), err) || !buf_ok(&script, err))
        return false;
    return pgx_script(conn, CONTROL_TIMEOUT_US, buf_text(&script), 0, NULL, err);
}

/* Rights that it has by membership, or that everybody has, are not ours to take. */
static bool refuse_if_it_can_write(struct pgx_conn *conn, const char *role, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *ways = NULL;

    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_read_only_role_check, PGX_ARGS(PGX_TEXT(role)),
                   &ways, err))
        return false;
    if (pgx_rows(ways) == 0)
        return true;
    err_set(err, TMV_ERR_REFUSED, "the role %s could still change something: %s%s", role,
            pgx_text(ways, 0, 0), pgx_rows(ways) > 1 ? ", and more" : "");
    return err_hint(err, "nothing was changed; take that right or membership away, or name a new role");
}

bool tmv_control_read_only_role(const char *conninfo, const char *role, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *conn = NULL;

    if (!check_name(role, err) || !tmv_conninfo_check(conninfo, err) ||
        !pgx_connect(&(struct pgx_options){.conninfo = conninfo, .part = "init"}, &conn, err))
        return err_wrap(err, "control database");
    if (!control_schema_check(conn, err) || !pgx_begin(conn, CONTROL_TIMEOUT_US, err))
        return false;
    if (grant(conn, role, err) && refuse_if_it_can_write(conn, role, err))
        return pgx_commit(conn, CONTROL_TIMEOUT_US, err);
    pgx_rollback(conn, CONTROL_TIMEOUT_US);
    if (err_is_sqlstate(err, "42501"))
        err_hint(err, "run it as the owner of the tables, with CREATEROLE unless the role exists");
    return err_wrap(err, "making the role %s", role);
}

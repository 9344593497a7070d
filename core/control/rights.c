/* What a role may do in the control database, asked for before it tries. */
#include "control/rights.h"

#include "control/row.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "sql_embedded.h"

bool control_rights(struct pgx_conn *conn, struct tmv_rights *ret_rights, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *who = NULL;
    AUTO_RESULT struct pgx_result *lacking = NULL;

    *ret_rights = (struct tmv_rights){0};
    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_may_request, PGX_NONE, &who, err) ||
        !pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_rights, PGX_NONE, &lacking, err))
        return err_wrap(err, "looking at the rights in the control database");
    row_text(ret_rights->role, sizeof ret_rights->role, who, 0, 0);
    ret_rights->may_request = pgx_bool(who, 0, 1);
    ret_rights->may_run = pgx_rows(lacking) == 0;
    pgx_fold(lacking, 0, "; ", "", ret_rights->lacks, sizeof ret_rights->lacks);
    pgx_fold(lacking, 1, "\n", "", ret_rights->grants, sizeof ret_rights->grants);
    return true;
}

bool tmv_rights_check(const struct tmv_rights *rights, struct tmv_error *err)
{
    return rights->may_run ||
           err_set(err, TMV_ERR_REFUSED,
                   "the role %s may not run migrations: in the control database it lacks %s", rights->role,
                   rights->lacks);
}

bool tmv_control_own_rights(struct tmv_control *control, struct tmv_rights *ret_rights, struct tmv_error *err)
{
    return control_rights(control->conn, ret_rights, err);
}

bool tmv_control_rights(const char *conninfo, struct tmv_rights *ret_rights, struct tmv_error *err)
{
    const struct pgx_options options = {
        .conninfo = conninfo, .part = "rights", .statement_timeout_us = CONTROL_TIMEOUT_US};
    AUTO_CONN struct pgx_conn *conn = NULL;

    if (!tmv_conninfo_check(conninfo, err))
        return false;
    if (!pgx_connect(&options, &conn, err))
        return err_wrap(err, "control database");
    return control_rights(conn, ret_rights, err);
}

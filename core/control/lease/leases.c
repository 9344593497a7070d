/* Leases: who may act for a tenant. Time is the control database's; an epoch is never used twice. */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "control/row.h"
#include "sql_embedded.h"

bool control_claimable(struct pgx_conn *conn, const struct tmv_uuid *engine, size_t limit,
                       struct claimable *ret_rows, size_t *ret_count, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    *ret_count = 0;
    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_claimable,
                   PGX_ARGS(PGX_UUID(engine), PGX_INT(LEASE_TTL_US), PGX_INT((int64_t)limit)), &result, err))
        return err_wrap(err, "looking for migrations without an engine");
    for (int row = 0; row < pgx_rows(result); row++)
        ret_rows[(*ret_count)++] = (struct claimable){.migration = pgx_uuid(result, row, 0),
                                                      .tenant = pgx_uuid(result, row, 1),
                                                      .takeover = pgx_bool(result, row, 2),
                                                      .held = pgx_bool(result, row, 3)};
    return true;
}

bool control_lease_take(struct pgx_conn *conn, const struct claimable *what,
                        const struct engine_identity *engine, struct lease *ret_lease, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    struct pgx_args args =
        PGX_ARGS(PGX_UUID(&what->tenant), PGX_UUID(&what->migration), PGX_UUID(&engine->id),
                 PGX_TEXT(engine->name ? engine->name : ""), PGX_INT(LEASE_TTL_US),
                 what->had_epoch ? PGX_INT(what->had_epoch) : PGX_NULL, PGX_TEXT(what->cause));

    memset(ret_lease, 0, sizeof *ret_lease);
    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_lease_take, args, &result, err))
        return err_wrap(err, "taking a lease");
    if (pgx_rows(result) == 0 || !pgx_bool(result, 0, 0))
        return true;
    ret_lease->owner = (struct owner){.tenant = what->tenant,
                                      .migration = what->migration,
                                      .engine = engine->id,
                                      .epoch = pgx_int(result, 0, 1)};
    row_text(ret_lease->unfinished, sizeof ret_lease->unfinished, result, 0, 2);
    ret_lease->taken = true;
    return true;
}

bool control_lease_renew(struct pgx_conn *conn, const struct tmv_uuid *engine, struct tmv_error *err)
{
    if (pgx_in_transaction(conn)) /* its commit would not be waited for either */
        return err_set(err, TMV_ERR_INTERNAL, "heartbeat inside a transaction");
    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_lease_renew, PGX_ARGS(PGX_UUID(engine)), NULL, err))
        return err_wrap(err, "heartbeat");
    return true;
}

bool control_lease_silence(struct pgx_conn *conn, const struct tmv_uuid *engine, int64_t *ret_left_us,
                           struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_lease_silence,
                   PGX_ARGS(PGX_UUID(engine), PGX_INT(LEASE_TTL_US)), &result, err))
        return err_wrap(err, "looking at other engines' leases");
    *ret_left_us = pgx_is_null(result, 0, 0) ? INT64_MAX : pgx_int(result, 0, 0);
    return true;
}

bool control_lease_release(struct pgx_conn *conn, const struct owner *owner, struct tmv_error *err)
{
    return row_owned(conn, owner, sql_control_lease_release, PGX_ARGS(OWNER_ARGS(owner)), NULL, err) ||
           err_wrap(err, "giving a lease back");
}

bool control_lease_check(struct pgx_conn *conn, const struct owner *owner, struct tmv_error *err)
{
    return row_owned(conn, owner, sql_control_lease_check, PGX_ARGS(OWNER_ARGS(owner)), NULL, err);
}

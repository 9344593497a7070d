/* Cutover attempts and verification reports. */
#include "base/err.h"
#include "control/row.h"
#include "sql_embedded.h"

bool control_attempt_begin(struct pgx_conn *conn, const struct owner *owner, bool rehearsal,
                           const char *requested_by, int64_t *ret_attempt, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!row_owned(conn, owner, sql_control_attempt_begin,
                   PGX_ARGS(OWNER_ARGS(owner), PGX_BOOL(rehearsal), PGX_TEXT(requested_by)), &result, err))
        return err_wrap(err, "numbering a cutover attempt");
    *ret_attempt = pgx_int(result, 0, 1);
    return true;
}

bool control_attempt_end(struct pgx_conn *conn, const struct owner *owner, int64_t attempt,
                         const struct tmv_attempt *result, struct tmv_error *err)
{
    struct pgx_args args =
        PGX_ARGS(OWNER_ARGS(owner), PGX_INT(attempt), PGX_TEXT(result->outcome), PGX_TEXT(result->reason),
                 PGX_INT(result->lock_us), PGX_INT(result->drain_us), PGX_INT(result->decide_us),
                 PGX_INT(result->pause_us), PGX_INT(result->drained_events), PGX_INT(result->held_writers));

    if (!row_owned(conn, owner, sql_control_attempt_end, args, NULL, err))
        return err_wrap(err, "recording cutover attempt %lld", (long long)attempt);
    return true;
}

bool control_verification_add(struct pgx_conn *conn, const struct owner *owner, const char *level,
                              bool consistent, const char *report, struct tmv_error *err)
{
    struct pgx_args args =
        PGX_ARGS(OWNER_ARGS(owner), PGX_TEXT(level), PGX_BOOL(consistent), PGX_TEXT(report));

    if (!row_owned(conn, owner, sql_control_verification_add, args, NULL, err))
        return err_wrap(err, "storing a verification report");
    return true;
}

/* Cutover attempts and verification reports. */
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "control/audit/audit.h"
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
        PGX_ARGS(OWNER_ARGS(owner), PGX_INT(attempt), PGX_TEXT(tmv_attempt_outcome_name(result->outcome)),
                 PGX_TEXT(result->reason), PGX_INT(result->lock_us), PGX_INT(result->drain_us),
                 PGX_INT(result->decide_us), PGX_INT(result->pause_us), PGX_INT(result->drained_events),
                 PGX_INT(result->held_writers));

    if (!row_owned(conn, owner, sql_control_attempt_end, args, NULL, err))
        return err_wrap(err, "recording cutover attempt %lld", (long long)attempt);
    return true;
}

bool control_attempt_close(struct pgx_conn *conn, const struct owner *owner, const char *why,
                           struct tmv_error *err)
{
    return row_owned(conn, owner, sql_control_attempt_close, PGX_ARGS(OWNER_ARGS(owner), PGX_TEXT(why)), NULL,
                     err) ||
           err_wrap(err, "ending a cutover that was left open");
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

void attempt_read(const struct pgx_result *result, int row, struct tmv_attempt *attempt)
{
    attempt->number = (int)pgx_int(result, row, 0);
    attempt->migration = pgx_uuid(result, row, 1);
    attempt->rehearsal = pgx_bool(result, row, 2);
    attempt->outcome = tmv_attempt_outcome_parse(pgx_text(result, row, 3));
    row_text(attempt->reason, sizeof attempt->reason, result, row, 4);
    row_text(attempt->requested_by, sizeof attempt->requested_by, result, row, 5);
    attempt->started_at_us = pgx_int(result, row, 6);
    attempt->lock_us = pgx_int(result, row, 7);
    attempt->drain_us = pgx_int(result, row, 8);
    attempt->decide_us = pgx_int(result, row, 9);
    attempt->pause_us = pgx_int(result, row, 10);
    attempt->drained_events = pgx_int(result, row, 11);
    attempt->held_writers = pgx_int(result, row, 12);
}

bool control_verification_keep(struct pgx_conn *conn, const struct tmv_uuid *migration, const char *level,
                               bool consistent, const char *report, struct tmv_error *err)
{
    struct pgx_args args =
        PGX_ARGS(PGX_UUID(migration), PGX_TEXT(level), PGX_BOOL(consistent), PGX_TEXT(report));

    return pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_verification_keep, args, NULL, err)
               ? true
               : err_wrap(err, "storing a verification report");
}

bool control_verification_list(struct pgx_conn *conn, const struct tmv_uuid *migration, int limit,
                               struct pgx_result **ret_rows, struct tmv_error *err)
{
    return pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_verification_list,
                     PGX_ARGS(PGX_UUID(migration), PGX_INT(limit)), ret_rows, err)
               ? true
               : err_wrap(err, "reading verification reports");
}

bool control_proof_read(struct pgx_conn *conn, const struct tmv_uuid *migration, int64_t *ret_proven_to,
                        char *guards, size_t size, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;

    *ret_proven_to = 0;
    guards[0] = '\0';
    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_proof_read, PGX_ARGS(PGX_UUID(migration)), &row,
                   err))
        return err_wrap(err, "reading what is proven equal");
    if (pgx_rows(row) == 1) {
        *ret_proven_to = pgx_int(row, 0, 0);
        text_copy(guards, size, pgx_text(row, 0, 1));
    }
    return true;
}

bool control_proof_save(struct pgx_conn *conn, const struct owner *owner, int64_t proven_to,
                        const char *guards, struct tmv_error *err)
{
    struct pgx_args args = PGX_ARGS(OWNER_ARGS(owner), PGX_INT(proven_to), PGX_TEXT(guards));

    return row_owned(conn, owner, sql_control_proof_save, args, NULL, err)
               ? true
               : err_wrap(err, "keeping what is proven equal");
}

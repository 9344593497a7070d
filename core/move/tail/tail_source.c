#include "move/tail/tail_source.h"

#include <inttypes.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "move/verify/consistency_verifier.h"
#include "move/tail/tail_append.h"
#include "sql_embedded.h"

#define LOOK_BACK_POSITIONS 100000    /* compared when a connection is opened */
#define LOOK_BACK_EVENTS 5000         /* the same of a leg in append mode */
#define PIECE_SHORT 50                /* positions; what comes between two turns is not looked at */
#define PIECE_BYTES (4 * 1024 * 1024) /* stored, so about ten times as many when they are sent */
#define COUNTED_ROWS 100000           /* after a long pause the rest is taken to be alike */

/* ---- the sequence ---- */

/* Whether the source's server is another one than when the migration began. Unknown counts as no: a crash is
 * not claimed without a sign of it. */
static bool source_was_restarted(struct tailer *t)
{
    AUTO_RESULT struct pgx_result *row = NULL;
    struct tmv_error ignored;

    return pgx_query(t->source, TAIL_TIMEOUT_US, sql_tail_source_restarted,
                     PGX_ARGS(PGX_UUID(&t->endpoints->owner.migration)), &row, &ignored) &&
           pgx_bool(row, 0, 0);
}

/* What is left to do when a leg cannot go on. */
static const char *give_up(const struct tailer *t)
{
    return leg_number(&t->endpoints->leg) == BACK_LEG
               ? "the old store cannot be kept current: tenantmv finalize --abandon-source ends that"
               : "abort the migration and start again";
}

static bool lost_commits(const struct tailer *t, struct tmv_error *err)
{
    return err_hint(err,
                    "the %s lost committed data (its server was restarted or promoted since the migration "
                    "began, without its last WAL): %s",
                    endpoints_source_name(t->endpoints), give_up(t));
}

static bool value_went_back(struct tailer *t, int64_t value, int64_t seen, struct tmv_error *err)
{
    bool restarted = source_was_restarted(t);

    err_set(err, TMV_ERR_DIVERGED,
            "the position sequence of the %s says %" PRId64 ", %" PRId64 " was seen before%s",
            endpoints_source_name(t->endpoints), value, seen,
            restarted ? "" : ": it was set back (setval or ALTER SEQUENCE … RESTART)");
    if (restarted)
        return lost_commits(t, err);
    return err_hint(err,
                    "set it forward again: SELECT setval('%s', %" PRId64
                    "); then resume. If events were written "
                    "in between, resuming says so: then %s",
                    t->endpoints->source.sequence, seen, give_up(t));
}

bool tail_see_value(struct tailer *t, int64_t value, struct tmv_error *err)
{
    int64_t seen = t->horizon.highest > t->watermark ? t->horizon.highest : t->watermark;

    if (fault_is_mutant("tail.v_without_is_called") && value == 0)
        value = 1;
    if (value < t->watermark || !horizon_accepts(&t->horizon, value))
        return value_went_back(t, value, seen, err);
    t->value = value;
    return true;
}

bool tail_read_value(struct tailer *t, int64_t *ret_value, struct tmv_error *err)
{
    if (!guard_sequence_value(t->source, t->guard->shape, ret_value, err) ||
        !tail_see_value(t, *ret_value, err))
        return false;
    *ret_value = t->value;
    return true;
}

bool tail_end_of_gap(struct tailer *t, int64_t after, int64_t limit, int64_t *ret_end, struct tmv_error *err)
{
    const struct pgx_kept next = {.slot = TAIL_SLOT_NEXT, .sql = buf_text(&t->next_sql)};
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!pgx_query_kept(t->source, TAIL_WORK_US, &next, PGX_ARGS(PGX_INT(after)), &row, err))
        return err_wrap(err, "looking for the next position");
    bool none = pgx_is_null(row, 0, 0) || pgx_int(row, 0, 0) > limit;
    *ret_end = none ? limit : pgx_int(row, 0, 0) - 1;
    return true;
}

bool tail_end_of_piece(struct tailer *t, int64_t low, int64_t *high, struct tmv_error *err)
{
    const struct pgx_kept piece = {.slot = TAIL_SLOT_PIECE, .sql = buf_text(&t->piece_sql)};
    AUTO_RESULT struct pgx_result *row = NULL;

    if (*high - low <= PIECE_SHORT)
        return true;
    if (!pgx_query_kept(t->source, TAIL_WORK_US, &piece,
                        PGX_ARGS(PGX_INT(low), PGX_INT(*high), PGX_INT(PIECE_BYTES)), &row, err))
        return err_wrap(err, "looking for the end of a piece");
    if (!pgx_is_null(row, 0, 0))
        *high = pgx_int(row, 0, 0);
    return true;
}

/* ---- what was moved already ---- */

static bool read_both(struct tailer *t, int64_t from, struct range_digest *ret_source,
                      struct range_digest *ret_target, struct tmv_error *err)
{
    AUTO(buf) struct buf source_sql = BUF_INIT(64 * 1024);
    AUTO(buf) struct buf target_sql = BUF_INIT(64 * 1024);
    AUTO_RESULT struct pgx_result *source = NULL;
    AUTO_RESULT struct pgx_result *target = NULL;
    struct pgx_args args =
        PGX_ARGS(PGX_INT(from), PGX_INT(t->watermark), PGX_UUID(&t->endpoints->owner.tenant));

    if (!verifier_digest_sql(&t->endpoints->source, &t->endpoints->target, &t->endpoints->source, &source_sql,
                             err) ||
        !verifier_digest_sql(&t->endpoints->source, &t->endpoints->target, &t->endpoints->target, &target_sql,
                             err) ||
        !pgx_send(t->source, buf_text(&source_sql), args, err) ||
        !pgx_query(t->target, TAIL_WORK_US, buf_text(&target_sql), args, &target, err) ||
        !pgx_receive(t->source, TAIL_WORK_US, &source, err))
        return err_wrap(err, "comparing the latest events");
    verifier_read_digest(source, ret_source);
    verifier_read_digest(target, ret_target);
    return true;
}

/* A source that crashed without its latest WAL hands positions out again that the target has seen, and so
 * does one whose sequence was set back. The value of the sequence alone does not tell: it is logged ahead of
 * its use, and it may have been set forward again. So the last part of what was applied is compared too; what
 * lies before, the verification compares. */
bool tailer_check_not_ahead(struct tailer *t, struct tmv_error *err)
{
    struct range_digest source, target;
    int64_t value;
    int64_t from = t->watermark - t->copy_limit > LOOK_BACK_POSITIONS ? t->watermark - LOOK_BACK_POSITIONS
                                                                      : t->copy_limit;

    if (!tail_read_value(t, &value, err))
        return false;
    if (t->endpoints->leg.mode == LEG_APPEND)
        return tail_append_compare(t, LOOK_BACK_EVENTS, err);
    if (!read_both(t, from, &source, &target, err))
        return false;
    if (range_digest_equal(&source, &target))
        return true;
    err_set(err, TMV_ERR_DIVERGED,
            "source and target disagree about events that were already moved, at positions %" PRId64
            " to %" PRId64 ": the source has %" PRId64 ", the target %" PRId64,
            from + 1, t->watermark, source.events, target.events);
    if (source_was_restarted(t))
        return lost_commits(t, err);
    return err_hint(
        err, source.events > target.events
                 ? "events were written at positions that had been passed (the position sequence was set "
                   "back and forward again, or rows were inserted past the guard): abort the migration "
                   "and start again"
                 : "events that were moved are changed or missing: tenantmv verify --direct names them; "
                   "abort the migration and start again");
}

/* ---- how far behind ---- */

bool tailer_count_behind(struct tailer *t, int64_t *ret_events, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    AUTO_RESULT struct pgx_result *row = NULL;
    int64_t from = t->reached > t->watermark ? t->reached : t->watermark;
    int64_t value = 0;

    /* While paused nothing else looks how far the writers are. */
    if (!tail_read_value(t, &value, err))
        return false;
    if (!tail_expand(t, sql_tail_count, &t->endpoints->source, &sql, err) ||
        !pgx_query(t->source, TAIL_WORK_US, buf_text(&sql),
                   PGX_ARGS(PGX_INT(from), PGX_INT(value), PGX_UUID(&t->endpoints->owner.tenant),
                            PGX_INT(COUNTED_ROWS)),
                   &row, err))
        return err_wrap(err, "counting events behind");
    *ret_events = pgx_int(row, 0, 0);
    int64_t last = pgx_int(row, 0, 2);
    if (pgx_int(row, 0, 1) < COUNTED_ROWS || last <= from)
        return true;
    double rest = (double)*ret_events * ((double)(value - last) / (double)(last - from));
    *ret_events += rest < (double)(INT64_MAX / 4) ? (int64_t)rest : INT64_MAX / 4;
    return true;
}

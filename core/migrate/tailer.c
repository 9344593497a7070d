#include "migrate/tailer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fault.h"
#include "base/text.h"
#include "migrate/consistency_verifier.h"
#include "migrate/tail_apply.h"
#include "sql_embedded.h"

#define TICK_US (10 * US_PER_MS)      /* pg_locks is not read more often */
#define TICK_MAX_US (25 * US_PER_MS)  /* nor, on a busy machine, less often */
#define TICK_SHARE 3                  /* so many times as long as a turn takes are its ticks */
#define PATIENCE_US (100 * US_PER_MS) /* older transactions of the tenant do not hold the tail back */
#define PIECE_POSITIONS 50000         /* one application spans so many positions at most */
#define LOOK_BACK_POSITIONS 100000    /* compared when a connection is opened */

void tailer_init(struct tailer *t, const struct ends *ends, const struct guard *guard)
{
    *t = (struct tailer){.ends = ends,
                         .guard = guard,
                         .columns = BUF_INIT(16 * 1024),
                         .filled = BUF_INIT(16 * 1024),
                         .lag_us = -1};
    t->tick_us = TICK_US;
    t->read_sql = t->copy_in_sql = t->stage_in_sql = BUF_INIT(40000);
    horizon_reset(&t->horizon, PATIENCE_US);
}

void tailer_release(struct tailer *t)
{
    pgx_close_gently(TAKE(t->source), t->ends->stop);
    pgx_close_gently(TAKE(t->target), t->ends->stop);
    buf_release(&t->columns);
    buf_release(&t->filled);
    buf_release(&t->read_sql);
    buf_release(&t->copy_in_sql);
    buf_release(&t->stage_in_sql);
}

/* ---- connecting ---- */

static bool read_watermark(struct tailer *t, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!pgx_query(t->target, TAIL_TIMEOUT_US, sql_tail_applied_read,
                   PGX_ARGS(PGX_UUID(&t->ends->owner.migration)), &row, err))
        return false;
    if (pgx_rows(row) != 1)
        return err_set(err, TMV_ERR_INTERNAL, "the target has no applied row of this migration");
    t->stored_watermark = t->watermark = pgx_int(row, 0, 2);
    t->copy_limit = pgx_int(row, 0, 1);
    if (t->watermark < t->copy_limit)
        t->watermark = t->copy_limit;
    t->reached = t->watermark;
    return true;
}

static bool went_back(struct tmv_error *err)
{
    return err_hint(err,
                    "the source lost committed data (a crash or failover without its last WAL): abort the "
                    "migration and start again");
}

/* A source that crashed without its latest WAL hands positions out again that the target has seen. T3
 * prevents it; this check stops the migration if it happened all the same (a failover that lost commits). The
 * sequence alone does not tell: it is logged ahead of its use. So the last part of what was applied is
 * compared too; what lies before, the verification compares. */
bool tailer_check_not_ahead(struct tailer *t, struct tmv_error *err)
{
    AUTO(buf) struct buf source_sql = BUF_INIT(64 * 1024);
    AUTO(buf) struct buf target_sql = BUF_INIT(64 * 1024);
    AUTO_RESULT struct pgx_result *source = NULL;
    AUTO_RESULT struct pgx_result *target = NULL;
    struct range_digest a, b;
    int64_t value;
    int64_t from = t->watermark - LOOK_BACK_POSITIONS > t->copy_limit ? t->watermark - LOOK_BACK_POSITIONS
                                                                      : t->copy_limit;
    struct pgx_args args = PGX_ARGS(PGX_INT(from), PGX_INT(t->watermark), PGX_UUID(&t->ends->owner.tenant));

    if (!guard_sequence_value(t->source, t->guard->shape, &value, err))
        return false;
    if (value < t->watermark) {
        err_set(err, TMV_ERR_DIVERGED,
                "the source's positions went back: it is at %" PRId64 ", the target has seen %" PRId64, value,
                t->watermark);
        return went_back(err);
    }
    if (!verifier_digest_sql(&t->ends->source, &t->ends->target, &t->ends->source, &source_sql, err) ||
        !verifier_digest_sql(&t->ends->source, &t->ends->target, &t->ends->target, &target_sql, err) ||
        !pgx_send(t->source, buf_text(&source_sql), args, err) ||
        !pgx_query(t->target, TAIL_WORK_US, buf_text(&target_sql), args, &target, err) ||
        !pgx_receive(t->source, TAIL_WORK_US, &source, err))
        return err_wrap(err, "comparing the latest events");
    verifier_read_digest(source, &a);
    verifier_read_digest(target, &b);
    if (range_digest_equal(&a, &b))
        return true;
    err_set(err, TMV_ERR_DIVERGED,
            "source and target disagree about events that were already moved, at positions %" PRId64
            " to %" PRId64 ": the source has %" PRId64 ", the target %" PRId64,
            from + 1, t->watermark, a.events, b.events);
    return went_back(err);
}

static bool write_statements(struct tailer *t, struct tmv_error *err)
{
    buf_clear(&t->columns);
    buf_clear(&t->filled);
    buf_clear(&t->read_sql);
    buf_clear(&t->copy_in_sql);
    buf_clear(&t->stage_in_sql);
    store_copied_columns(&t->ends->source, &t->ends->target, NULL, &t->columns);
    store_filled_columns(&t->ends->source, &t->ends->target, &t->filled);
    return tail_expand(t, sql_tail_read, &t->ends->source, &t->read_sql, err) &&
           tail_expand(t, sql_tail_copy_in, &t->ends->target, &t->copy_in_sql, err) &&
           tail_expand(t, sql_tail_stage_in, &t->ends->target, &t->stage_in_sql, err);
}

bool tailer_connect(struct tailer *t, struct tmv_error *err)
{
    AUTO(buf) struct buf stage = BUF_INIT(20000);

    pgx_close(TAKE(t->source));
    pgx_close(TAKE(t->target));
    horizon_reset(&t->horizon, PATIENCE_US);
    t->server_start[0] = '\0';
    t->settled = false;
    t->durable_asked_us = 0;
    if (!write_statements(t, err) || !ends_connect_source(t->ends, "tail", &t->source, err) ||
        !ends_connect_target(t->ends, "tail", &t->target, err))
        return false;
    if (!pgx_script(t->source, TAIL_TIMEOUT_US, sql_tail_session, 0, NULL, err) ||
        !pgx_script(t->target, TAIL_TIMEOUT_US, sql_tail_session, 0, NULL, err))
        return err_wrap(err, "preparing the tail's sessions");
    if (!tail_expand(t, sql_tail_stage, &t->ends->target, &stage, err) ||
        !pgx_script(t->target, TAIL_TIMEOUT_US, buf_text(&stage), 0, NULL, err))
        return err_wrap(err, "making the stage on the target");
    return read_watermark(t, err);
}

/* ---- turns ---- */

/* "3/17,5/2" cut into its names; *ret_count may be more than fit. */
static void cut_names(char *text, const char *names[HORIZON_HOLDERS_MAX], size_t *ret_count)
{
    char *rest = NULL;

    *ret_count = 0;
    for (char *name = strtok_r(text, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        if (*ret_count < HORIZON_HOLDERS_MAX)
            names[*ret_count] = name;
        (*ret_count)++;
    }
}

static bool observe(struct tailer *t, struct tmv_error *err)
{
    static const struct pgx_kept observation = {.slot = TAIL_SLOT_OBSERVE, .sql = sql_tail_observe};
    AUTO_RESULT struct pgx_result *row = NULL;
    AUTO_FREE char *holders = NULL;
    const char *names[HORIZON_HOLDERS_MAX];
    size_t count = 0;
    int64_t now = clock_now_us();

    if (!pgx_query_kept(t->source, TAIL_TIMEOUT_US, &observation,
                        PGX_ARGS(PGX_INT(t->guard->lock_key), PGX_INT(t->ends->source.sequence_oid)), &row,
                        err))
        return err_wrap(err, "reading the position sequence and the tenant's lock");
    if (t->server_start[0] && strcmp(t->server_start, pgx_text(row, 0, 1)) != 0) {
        horizon_reset(&t->horizon, PATIENCE_US);
        return err_set(err, TMV_ERR_UNREACHABLE, "the source was restarted");
    }
    text_copy(t->server_start, sizeof t->server_start, pgx_text(row, 0, 1));
    t->value = pgx_int(row, 0, 0);
    if (fault_is_mutant("tail.v_without_is_called") && t->value == 0)
        t->value = 1;
    holders = strdup(pgx_text(row, 0, 2));
    if (!holders)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    cut_names(holders, names, &count);
    if (count > HORIZON_HOLDERS_MAX)
        return true; /* the reading is dropped: it only delays */
    if (fault_is_mutant("tail.no_holders"))
        count = 0;
    horizon_observe(&t->horizon, now, t->value, names, count);
    return true;
}

static bool apply_up_to(struct tailer *t, int64_t low, int64_t high, bool final, struct tmv_error *err)
{
    while (low < high) {
        struct tail_piece p = {
            .low = low,
            .high = high - low > PIECE_POSITIONS ? low + PIECE_POSITIONS : high,
            .moves_watermark = final,
            .staged = final && t->reached > low,
            .deadline_us = clock_now_us() + TAIL_WORK_US,
        };
        int64_t rows;

        if (!tail_apply_piece(t, &p, &rows, err))
            return false;
        low = p.high;
    }
    return true;
}

/* Before the watermark moves for the first time: whoever was in flight at the first reading has left now, and
 * later positions are higher. */
static bool settle(struct tailer *t, struct tmv_error *err)
{
    t->settled = t->settled || tailer_check_not_ahead(t, err);
    return t->settled;
}

bool tailer_turn(struct tailer *t, bool *ret_behind, struct tmv_error *err)
{
    int64_t since = clock_now_us() - t->last_tick_us;

    if (since < t->tick_us && !stop_sleep(t->ends->stop, t->tick_us - since))
        return err_set(err, TMV_ERR_CANCELLED, "stopped");
    t->last_tick_us = clock_now_us();
    if (!observe(t, err))
        return false;
    struct horizon_answer a = horizon_advance(&t->horizon, clock_now_us());
    t->oldest_writer_us = a.oldest_holder_us;
    int64_t known_us = -1;
    if (a.final_position >= 0) {
        if (!settle(t, err))
            return false;
        /* From the watermark, not from what was reached: the last read, with a snapshot of now. */
        int64_t low = fault_is_mutant("tail.no_last_read") ? t->reached : t->watermark;
        if (!apply_up_to(t, low, a.final_position, true, err))
            return false;
        known_us = a.final_taken_us;
    }
    int64_t from = t->reached > t->watermark ? t->reached : t->watermark;
    if (a.soft_position > from) {
        if (!apply_up_to(t, from, a.soft_position, false, err))
            return false;
        known_us = a.soft_taken_us;
    }
    int64_t now = clock_now_us();
    if (known_us >= 0)
        t->lag_us = now - known_us;
    else if (t->lag_us >= 0)
        t->lag_us += now - t->last_tick_us;
    *ret_behind = now - t->last_tick_us > 5 * TICK_US;
    /* The tail takes a bounded share of a busy machine: the writers need the rest. */
    t->tick_us = TICK_SHARE * (now - t->last_tick_us);
    t->tick_us = t->tick_us < TICK_US ? TICK_US : t->tick_us > TICK_MAX_US ? TICK_MAX_US : t->tick_us;
    return true;
}

void tailer_hurry(struct tailer *t)
{
    t->tick_us = TICK_US;
}

bool tailer_begin_drain(struct tailer *t, struct tmv_error *err)
{
    return ends_begin_target(t->ends, t->target, "mirroring", false, err);
}

bool tailer_drain(struct tailer *t, int64_t value, int64_t deadline_us, const struct tailer_finish *finish,
                  int64_t *ret_events, struct tmv_error *err)
{
    struct tail_piece p = {
        .low = t->watermark,
        .high = value,
        .moves_watermark = true,
        .staged = t->reached > t->watermark,
        .begun = true,
        .deadline_us = deadline_us,
        .finish = finish,
    };

    horizon_reset(&t->horizon, PATIENCE_US);
    return tail_apply_piece(t, &p, ret_events, err);
}

/* Positions that are really counted; after a long pause the rest is taken to be alike. */
#define COUNTED_POSITIONS 100000

bool tailer_count_behind(struct tailer *t, int64_t *ret_events, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    AUTO_RESULT struct pgx_result *row = NULL;
    int64_t from = t->reached > t->watermark ? t->reached : t->watermark;
    int64_t value = 0;

    /* While paused nobody else looks how far the writers are. */
    if (!guard_sequence_value(t->source, &t->ends->source, &value, err))
        return false;
    int64_t to = value - from > COUNTED_POSITIONS ? from + COUNTED_POSITIONS : value;
    if (!tail_expand(t, sql_tail_count, &t->ends->source, &sql, err) ||
        !pgx_query(t->source, TAIL_WORK_US, buf_text(&sql),
                   PGX_ARGS(PGX_INT(from), PGX_INT(to), PGX_UUID(&t->ends->owner.tenant)), &row, err))
        return err_wrap(err, "counting events behind");
    *ret_events = pgx_int(row, 0, 0);
    if (to < value)
        *ret_events = (int64_t)((double)*ret_events * (double)(value - from) / COUNTED_POSITIONS);
    return true;
}

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
#include "pg/copy.h"
#include "sql_embedded.h"

#define TAIL_TIMEOUT_US (60 * US_PER_S)
#define TICK_US (10 * US_PER_MS)      /* pg_locks is not read more often */
#define PATIENCE_US (100 * US_PER_MS) /* older transactions of the tenant do not hold the tail back */
#define STORE_EVERY_US US_PER_S       /* watermark over ranges without events */
#define PIECE_POSITIONS 50000         /* one application spans so many positions at most */
#define FIRST_BYTES                                                                                          \
    ((size_t)64 * 1024) /* read before the target is asked: most ranges are empty or small                   \
                         */
#define EMPTY_STREAM 21 /* bytes of a binary COPY without rows: header 19, trailer 2 */
#define STAGED_RANGES 100
#define LOOK_BACK_POSITIONS 100000 /* compared when a connection is opened */
#define POSITION_SQL 24

/* One range (low, high] to apply. */
struct piece {
    int64_t low, high;
    bool moves_watermark;               /* everything up to high is final */
    bool staged;                        /* some of it may stand in the target already */
    int64_t deadline_us;                /* monotonic; every wait ends by then */
    const struct tailer_finish *finish; /* NULL for none */
};

void tailer_init(struct tailer *t, const struct ends *ends, const struct guard *guard)
{
    *t = (struct tailer){.ends = ends, .guard = guard, .columns = BUF_INIT(16 * 1024), .lag_us = -1};
    horizon_reset(&t->horizon, PATIENCE_US);
}

void tailer_release(struct tailer *t)
{
    pgx_close(TAKE(t->source));
    pgx_close(TAKE(t->target));
    buf_release(&t->columns);
}

static void learn(int64_t *mean_us, int64_t took_us)
{
    *mean_us = *mean_us ? (*mean_us * 7 + took_us) / 8 : took_us;
}

/* Nothing to apply is an observation too: without it one slow turn would be predicted for ever on a tenant
 * that fell silent. */
static void forget_slowly(int64_t *mean_us, int64_t took_us)
{
    if (*mean_us > took_us)
        *mean_us -= (*mean_us - took_us + 31) / 32;
}

static int64_t left(const struct piece *p)
{
    int64_t us = p->deadline_us - clock_now_us();

    return us > 1 ? us : 1;
}

static bool expand(struct tailer *t, const char *template, const struct store_shape *shape,
                   struct buf *ret_sql, const struct piece *p, struct tmv_error *err)
{
    char low[POSITION_SQL], high[POSITION_SQL], key[POSITION_SQL];
    AUTO(buf) struct buf sequence = BUF_INIT(400);

    snprintf(low, sizeof low, "%" PRId64, p ? p->low : 0);
    snprintf(high, sizeof high, "%" PRId64, p ? p->high : 0);
    snprintf(key, sizeof key, "%" PRId64, t->guard->lock_key);
    pgx_literal(&sequence, shape->sequence);
    const struct pgx_var vars[] = {
        {"columns", buf_text(&t->columns)},
        {"tenant_id", t->ends->tenant},
        {"low", low},
        {"high", high},
        {"key", key},
        {"sequence_literal", buf_text(&sequence)},
    };
    return store_sql(ret_sql, template, shape, vars, ARRAY_LEN(vars), err);
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
static bool check_not_ahead(struct tailer *t, struct tmv_error *err)
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
        !pgx_query(t->target, TAIL_TIMEOUT_US, buf_text(&target_sql), args, &target, err) ||
        !pgx_receive(t->source, TAIL_TIMEOUT_US, &source, err))
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

bool tailer_connect(struct tailer *t, struct tmv_error *err)
{
    AUTO(buf) struct buf stage = BUF_INIT(20000);

    pgx_close(TAKE(t->source));
    pgx_close(TAKE(t->target));
    buf_clear(&t->columns);
    store_copied_columns(&t->ends->source, &t->ends->target, NULL, &t->columns);
    horizon_reset(&t->horizon, PATIENCE_US);
    t->server_start[0] = '\0';
    if (!ends_connect_source(t->ends, "tail", &t->source, err) ||
        !ends_connect_target(t->ends, "tail", &t->target, err))
        return false;
    if (!expand(t, sql_tail_stage, &t->ends->target, &stage, NULL, err) ||
        !pgx_script(t->target, TAIL_TIMEOUT_US, buf_text(&stage), 0, NULL, err))
        return err_wrap(err, "making the stage on the target");
    return read_watermark(t, err) && check_not_ahead(t, err);
}

/* ---- applying ---- */

static bool start_reading(struct tailer *t, const struct piece *p, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(40000);

    return expand(t, sql_tail_copy_out, &t->ends->source, &sql, p, err) &&
           pgx_copy_out(t->source, left(p), buf_text(&sql), err);
}

/* Reads until the stream ends or `first` is full. */
static bool read_first(struct tailer *t, const struct piece *p, struct buf *first, bool *ret_ended,
                       struct tmv_error *err)
{
    const char *data;
    size_t len;

    *ret_ended = false;
    while (first->len < FIRST_BYTES) {
        if (!pgx_copy_read(t->source, left(p), &data, &len, err))
            return false;
        if (len == 0) {
            *ret_ended = true;
            return true;
        }
        buf_add(first, data, len);
        if (!buf_ok(first, err))
            return false;
    }
    return true;
}

static bool write_stream(struct tailer *t, const struct piece *p, const struct buf *first, bool ended,
                         int64_t *ret_rows, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(20000);
    struct pgx_copy_stats stats;

    if (!expand(t, p->staged ? sql_tail_stage_in : sql_tail_copy_in, &t->ends->target, &sql, p, err) ||
        !pgx_copy_in(t->target, left(p), buf_text(&sql), err) ||
        !pgx_copy_write(t->target, left(p), first->data, first->len, err))
        return false;
    if (ended)
        return pgx_copy_finish(t->target, left(p), ret_rows, err);
    if (!pgx_copy_pump(t->source, t->target, left(p), &stats, err))
        return false;
    *ret_rows = stats.rows;
    return true;
}

static bool merge_stage(struct tailer *t, const struct piece *p, int64_t *ret_rows, struct tmv_error *err)
{
    AUTO(buf) struct buf merge = BUF_INIT(20000);
    AUTO(buf) struct buf check = BUF_INIT(4000);
    AUTO_RESULT struct pgx_result *merged = NULL;
    AUTO_RESULT struct pgx_result *wrong = NULL;

    if (!expand(t, sql_tail_merge, &t->ends->target, &merge, NULL, err) ||
        !expand(t, sql_tail_mismatch, &t->ends->target, &check, NULL, err) ||
        !pgx_query(t->target, left(p), buf_text(&merge), PGX_NONE, &merged, err) ||
        !pgx_query(t->target, left(p), buf_text(&check), PGX_NONE, &wrong, err))
        return false;
    *ret_rows = pgx_affected(merged);
    if (pgx_rows(wrong) == 0)
        return true;
    err_set(err, TMV_ERR_DIVERGED,
            "the target holds another event in the place of event %s at position %s (same position, id, or "
            "stream and version)",
            pgx_text(wrong, 0, 1), pgx_text(wrong, 0, 0));
    return err_hint(
        err, "find out who wrote to the target, remove that event or abort the migration, then resume");
}

static bool make_durable(struct tailer *t, const struct piece *p, struct tmv_error *err)
{
    int64_t start = clock_now_us();

    if (fault_is_mutant("tail.not_durable_first"))
        return true;
    if (!pgx_query(t->source, left(p), sql_tail_durable, PGX_NONE, NULL, err))
        return err_wrap(err, "making the source durable");
    learn(&t->durable_us, clock_now_us() - start);
    return true;
}

/* The transaction on the target that `piece` needs, from its first row to the commit. */
static bool apply_stream(struct tailer *t, const struct piece *p, const struct buf *first, bool ended,
                         int64_t *ret_rows, struct tmv_error *err)
{
    if (first->len > EMPTY_STREAM && !write_stream(t, p, first, ended, ret_rows, err))
        return false;
    if (p->staged && first->len > EMPTY_STREAM && !merge_stage(t, p, ret_rows, err))
        return false;
    if (!pgx_query(t->target, left(p), sql_tail_advance,
                   PGX_ARGS(PGX_UUID(&t->ends->owner.migration),
                            p->moves_watermark ? PGX_INT(p->high) : PGX_NULL, PGX_INT(*ret_rows)),
                   NULL, err))
        return false;
    if (p->finish && !p->finish->run(p->finish->user, t, err))
        return false;
    return make_durable(t, p, err) && fault_hit("tail.before_commit", err) &&
           pgx_commit(t->target, left(p), err) && fault_hit("tail.after_commit", err);
}

static void account(struct tailer *t, const struct piece *p, int64_t rows, bool stored)
{
    if (p->moves_watermark) {
        t->watermark = p->high;
        if (stored)
            t->stored_watermark = p->high;
    }
    if (t->reached < p->high)
        t->reached = p->high;
    t->events += rows;
}

/* One try. *ret_conflict: a unique key was met, so the range must go through the stage. */
static bool apply_once(struct tailer *t, const struct piece *p, int64_t *ret_rows, bool *ret_conflict,
                       struct tmv_error *err)
{
    AUTO(buf) struct buf first = BUF_INIT((size_t)1 << 30);
    bool ended = false;
    int64_t start = clock_now_us();

    *ret_conflict = false;
    *ret_rows = 0;
    if (!start_reading(t, p, err) || !read_first(t, p, &first, &ended, err))
        return err_wrap(err, "reading new events");
    bool idle = ended && first.len <= EMPTY_STREAM && !p->finish;
    if (idle && (!p->moves_watermark || start - t->last_store_us < STORE_EVERY_US)) {
        account(t, p, 0, false);
        forget_slowly(&t->apply_us, clock_now_us() - start);
        return true;
    }
    if (!ends_begin_target(t->ends, t->target, "mirroring", false, err))
        return false;
    if (!apply_stream(t, p, &first, ended, ret_rows, err)) {
        *ret_conflict = err_is_sqlstate(err, "23505") && !p->staged;
        pgx_rollback(t->target, TAIL_TIMEOUT_US);
        return *ret_conflict ? true : err_wrap(err, "applying events to the target");
    }
    account(t, p, *ret_rows, true);
    t->last_store_us = clock_now_us();
    if (*ret_rows > 0)
        learn(&t->apply_us, clock_now_us() - start);
    return true;
}

/* After an error in the middle of a stream the source's COPY is still open, which leaves that connection
 * unusable; the owner reconnects. A unique key met while streaming ends the stream first. */
static bool end_stream(struct tailer *t, const struct piece *p, struct tmv_error *err)
{
    const char *data;
    size_t len = 1;

    while (pgx_in_copy_out(t->source) && len > 0)
        if (!pgx_copy_read(t->source, left(p), &data, &len, err))
            return false;
    return true;
}

static bool apply_piece(struct tailer *t, struct piece *p, int64_t *ret_rows, struct tmv_error *err)
{
    bool conflict = false;

    if (t->staged_left > 0) {
        t->staged_left--;
        p->staged = true;
    }
    if (!apply_once(t, p, ret_rows, &conflict, err))
        return false;
    if (!conflict)
        return true;
    t->staged_left = STAGED_RANGES;
    p->staged = true;
    return end_stream(t, p, err) && apply_once(t, p, ret_rows, &conflict, err);
}

/* ---- turns ---- */

static bool observe(struct tailer *t, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    struct pgx_result *results[2];
    const char *names[HORIZON_HOLDERS_MAX];
    int64_t now = clock_now_us();

    if (!expand(t, sql_tail_observe, &t->ends->source, &sql, NULL, err) ||
        !pgx_script(t->source, TAIL_TIMEOUT_US, buf_text(&sql), 2, results, err))
        return err_wrap(err, "reading the position sequence and the tenant's lock");
    AUTO_RESULT struct pgx_result *value = results[0];
    AUTO_RESULT struct pgx_result *holders = results[1];
    size_t count = (size_t)pgx_rows(holders);
    if (t->server_start[0] && strcmp(t->server_start, pgx_text(value, 0, 1)) != 0) {
        horizon_reset(&t->horizon, PATIENCE_US);
        return err_set(err, TMV_ERR_UNREACHABLE, "the source was restarted");
    }
    text_copy(t->server_start, sizeof t->server_start, pgx_text(value, 0, 1));
    t->value = pgx_int(value, 0, 0);
    if (fault_is_mutant("tail.v_without_is_called") && t->value == 0)
        t->value = 1;
    if (count > HORIZON_HOLDERS_MAX)
        return true; /* the reading is dropped: it only delays */
    for (size_t i = 0; i < count; i++)
        names[i] = pgx_text(holders, (int)i, 0);
    if (fault_is_mutant("tail.no_holders"))
        count = 0;
    horizon_observe(&t->horizon, now, t->value, names, count);
    return true;
}

static bool apply_up_to(struct tailer *t, int64_t low, int64_t high, bool final, struct tmv_error *err)
{
    while (low < high) {
        struct piece p = {
            .low = low,
            .high = high - low > PIECE_POSITIONS ? low + PIECE_POSITIONS : high,
            .moves_watermark = final,
            .staged = final && t->reached > low,
            .deadline_us = clock_now_us() + TAIL_TIMEOUT_US,
        };
        int64_t rows;

        if (!apply_piece(t, &p, &rows, err))
            return false;
        low = p.high;
    }
    return true;
}

bool tailer_turn(struct tailer *t, bool *ret_behind, struct tmv_error *err)
{
    int64_t since = clock_now_us() - t->last_tick_us;

    if (since < TICK_US && !stop_sleep(t->ends->stop, TICK_US - since))
        return err_set(err, TMV_ERR_CANCELLED, "stopped");
    t->last_tick_us = clock_now_us();
    if (!observe(t, err))
        return false;
    struct horizon_answer a = horizon_advance(&t->horizon, clock_now_us());
    t->oldest_writer_us = a.oldest_holder_us;
    int64_t known_us = -1;
    if (a.final_position >= 0) {
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
    return true;
}

bool tailer_drain(struct tailer *t, int64_t value, int64_t deadline_us, const struct tailer_finish *finish,
                  int64_t *ret_events, struct tmv_error *err)
{
    struct piece p = {
        .low = t->watermark,
        .high = value,
        .moves_watermark = true,
        .staged = t->reached > t->watermark,
        .deadline_us = deadline_us,
        .finish = finish,
    };

    horizon_reset(&t->horizon, PATIENCE_US);
    return apply_piece(t, &p, ret_events, err);
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
    if (!expand(t, sql_tail_count, &t->ends->source, &sql, NULL, err) ||
        !pgx_query(t->source, TAIL_TIMEOUT_US, buf_text(&sql),
                   PGX_ARGS(PGX_INT(from), PGX_INT(to), PGX_UUID(&t->ends->owner.tenant)), &row, err))
        return err_wrap(err, "counting events behind");
    *ret_events = pgx_int(row, 0, 0);
    if (to < value)
        *ret_events = (int64_t)((double)*ret_events * (double)(value - from) / COUNTED_POSITIONS);
    return true;
}

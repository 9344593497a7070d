#include "move/tail/tail_apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "move/shared/chunk_queue.h"
#include "move/tail/tail_append.h"
#include "pg/copy.h"
#include "sql_embedded.h"

#define STORE_EVERY_US US_PER_S /* watermark over ranges without events */
#define STAGED_RANGES 100       /* applied through the stage after a duplicate was met */
/* Read before the target is asked: most ranges are empty or small. Then so much at a time. */
#define FIRST_BYTES ((size_t)64 * 1024)
#define STREAM_MAX ((size_t)1 << 30) /* one event's size ends before that (PostgreSQL's limit of a field) */
#define DURABLE_TIMEOUT_US (5 * US_PER_S)
#define POSITION_SQL 24
#define PIECE_AIM_US (100 * US_PER_MS)
#define DURABLE_SLOW_US (5 * US_PER_MS)
#define MEASURE_EVERY_US (100 * US_PER_MS)

/* ---- small things ---- */

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

void tail_learn_apply(struct tailer *t, int64_t took_us)
{
    learn(&t->apply_us, took_us);
}

int64_t tail_left_us(const struct tail_piece *p)
{
    int64_t us = p->deadline_us - clock_now_us();

    return us > 1 ? us : 1;
}

bool tail_expand(struct tailer *t, const char *template, const struct store_shape *shape, struct buf *ret_sql,
                 struct tmv_error *err)
{
    const struct pgx_var vars[] = {
        {"columns", buf_text(shape == &t->endpoints->target ? &t->filled : &t->columns)},
        {"tenant_id", t->endpoints->tenant},
    };
    return store_sql(ret_sql, template, shape, vars, ARRAY_LEN(vars), err);
}

/* ---- durable first ---- */

/* Asked as soon as the range is read, and answered while the target is written. */
bool tail_ask_durable(struct tailer *t, const struct tail_piece *p, struct tmv_error *err)
{
    static const struct pgx_kept durable = {.slot = TAIL_SLOT_DURABLE, .sql = sql_tail_durable};

    if (fault_is_mutant("tail.not_durable_first"))
        return true;
    t->durable_asked_us = clock_now_us();
    if (!pgx_send_kept(t->source, tail_left_us(p), &durable, PGX_NONE, err)) {
        t->durable_asked_us = 0;
        return err_wrap(err, "making the source durable");
    }
    return true;
}

bool tail_wait_durable(struct tailer *t, int64_t timeout_us, struct tmv_error *err)
{
    int64_t asked_us = t->durable_asked_us;

    if (!asked_us)
        return true;
    t->durable_asked_us = 0;
    if (!pgx_receive(t->source, timeout_us < DURABLE_TIMEOUT_US ? timeout_us : DURABLE_TIMEOUT_US, NULL,
                     err)) {
        if (err->code == TMV_ERR_TIMEOUT)
            err_hint(err,
                     "a synchronous standby of the source that does not answer holds every commit there");
        return err_wrap(err, "making the source durable");
    }
    learn(&t->durable_us, clock_now_us() - asked_us);
    return true;
}

/* ---- the stream ---- */

/* Events on their way: what was read of them, as a binary COPY stream. */
struct stream {
    struct buf data;
    bool ended; /* on the source */
    bool empty;
};

static void stream_auto(struct stream *s)
{
    buf_release(&s->data);
}

static bool read_more(struct tailer *t, const struct tail_piece *p, struct stream *s, struct tmv_error *err)
{
    if (!pgx_rows_read(t->source, tail_left_us(p), FIRST_BYTES, &s->data, &s->ended, err))
        return false;
    if (!s->ended)
        return true;
    pgx_copy_trailer(&s->data);
    return buf_ok(&s->data, err) && tail_ask_durable(t, p, err);
}

static bool start_reading(struct tailer *t, const struct tail_piece *p, struct stream *s,
                          struct tmv_error *err)
{
    const struct pgx_kept read = {.slot = TAIL_SLOT_READ, .sql = buf_text(&t->read_sql)};
    size_t header;

    pgx_copy_header(&s->data);
    header = s->data.len;
    if (!pgx_rows_start(t->source, tail_left_us(p), &read,
                        PGX_ARGS(PGX_INT(p->low), PGX_INT(p->high), PGX_UUID(&t->endpoints->owner.tenant)),
                        err) ||
        !pgx_rows_read(t->source, tail_left_us(p), FIRST_BYTES, &s->data, &s->ended, err))
        return false;
    s->empty = s->ended && s->data.len == header;
    if (s->ended)
        pgx_copy_trailer(&s->data);
    return buf_ok(&s->data, err);
}

/* The target's transaction, from its beginning to the last event. */
static bool write_stream(struct tailer *t, const struct tail_piece *p, struct stream *s, int64_t *ret_rows,
                         struct tmv_error *err)
{
    const char *copy = buf_text(p->staged ? &t->stage_in_sql : &t->copy_in_sql);
    bool ok = p->begun ? pgx_copy_in(t->target, tail_left_us(p), copy, err)
                       : endpoints_begin_copy_in(t->endpoints, t->target, "mirroring", copy, err);

    while (ok) {
        if (!pgx_copy_write(t->target, tail_left_us(p), s->data.data, s->data.len, err) ||
            (p->finish && !fault_hit("cutover.sending", err)))
            return false;
        if (s->ended)
            return pgx_copy_finish(t->target, tail_left_us(p), ret_rows, err);
        buf_clear(&s->data);
        ok = read_more(t, p, s, err);
    }
    return false;
}

static bool merge_stage(struct tailer *t, const struct tail_piece *p, int64_t *ret_rows,
                        struct tmv_error *err)
{
    AUTO(buf) struct buf merge = BUF_INIT(20000);
    AUTO(buf) struct buf check = BUF_INIT(4000);
    AUTO_RESULT struct pgx_result *merged = NULL;
    AUTO_RESULT struct pgx_result *wrong = NULL;

    if (!tail_expand(t, sql_tail_merge, &t->endpoints->target, &merge, err) ||
        !tail_expand(t, sql_tail_mismatch, &t->endpoints->target, &check, err) ||
        !pgx_query(t->target, tail_left_us(p), buf_text(&merge), PGX_NONE, &merged, err) ||
        !pgx_query(t->target, tail_left_us(p), buf_text(&check), PGX_NONE, &wrong, err))
        return false;
    *ret_rows = pgx_affected(merged);
    if (pgx_rows(wrong) == 0)
        return true;
    err_set(err, TMV_ERR_DIVERGED,
            "the target holds another event in the place of event %s at position %s (same position, id, or "
            "stream and version)",
            pgx_text(wrong, 0, 1), pgx_text(wrong, 0, 0));
    return err_hint(
        err,
        "find out who wrote to the target; abort the migration and start again: until then its guard refuses "
        "to remove that event");
}

/* ---- one piece ---- */

static bool advance_sql(const struct tailer *t, const struct tail_piece *p, int64_t rows, struct buf *ret_sql,
                        struct tmv_error *err)
{
    char leg[12], watermark[POSITION_SQL], count[POSITION_SQL], migration[TMV_UUID_TEXT + 2];

    snprintf(migration, sizeof migration, "'%s'", t->endpoints->migration);
    snprintf(leg, sizeof leg, "%d", leg_number(&t->endpoints->leg));
    snprintf(watermark, sizeof watermark, "%" PRId64, p->high);
    snprintf(count, sizeof count, "%" PRId64, rows);
    const struct pgx_var vars[] = {
        {"migration", migration},
        {"leg", leg},
        {"watermark", p->moves_watermark ? watermark : "NULL"},
        {"rows", count},
    };
    return pgx_expand(ret_sql, sql_tail_advance, vars, ARRAY_LEN(vars), err);
}

bool tail_commit_piece(struct tailer *t, const struct tail_piece *p, const char *last, struct tmv_error *err)
{
    return fault_hit(p->finish ? "cutover.before_target_commit" : "tail.before_commit", err) &&
           pgx_commit_with(t->target, tail_left_us(p), last, err) &&
           fault_hit(p->finish ? "cutover.drain_committed" : "tail.after_commit", err);
}

/* A cutover gets to its fault point with nothing to send, too. */
static bool send_rows(struct tailer *t, const struct tail_piece *p, struct stream *s, int64_t *ret_rows,
                      struct tmv_error *err)
{
    if (s->empty)
        return !p->finish || fault_hit("cutover.sending", err);
    return write_stream(t, p, s, ret_rows, err) && (!p->staged || merge_stage(t, p, ret_rows, err));
}

static bool apply_stream(struct tailer *t, const struct tail_piece *p, struct stream *s, int64_t *ret_rows,
                         struct tmv_error *err)
{
    AUTO(buf) struct buf commit = BUF_INIT(8000);

    if (s->empty && !p->begun && !endpoints_begin_target(t->endpoints, t->target, "mirroring", false, err))
        return false;
    if (!send_rows(t, p, s, ret_rows, err) || !tail_wait_durable(t, tail_left_us(p), err) ||
        !advance_sql(t, p, *ret_rows, &commit, err))
        return false;
    if (p->finish && !p->finish->run(p->finish->user, t, &commit, err))
        return false;
    return tail_commit_piece(t, p, buf_text(&commit), err);
}

void tail_account(struct tailer *t, const struct tail_piece *p, int64_t rows, bool stored)
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

bool tail_passes_over(struct tailer *t, const struct tail_piece *p)
{
    if (p->finish || (p->moves_watermark && clock_now_us() - t->last_store_us >= STORE_EVERY_US))
        return false;
    tail_account(t, p, 0, false);
    return true;
}

/* After an error in the middle: a unique key that was met while streaming leaves the source with a statement
 * open, or with an answer that nobody took. */
static void settle_source(struct tailer *t, const struct tail_piece *p, struct stream *s)
{
    struct tmv_error ignored;

    buf_clear(&s->data);
    while (pgx_in_rows(t->source) &&
           pgx_rows_read(t->source, tail_left_us(p), FIRST_BYTES, &s->data, &s->ended, &ignored))
        buf_clear(&s->data);
    (void)!tail_wait_durable(t, tail_left_us(p), &ignored);
}

/* One try. *ret_conflict: a unique key was met, so the range must go through the stage. */
static bool apply_once(struct tailer *t, const struct tail_piece *p, struct stream *s, int64_t *ret_rows,
                       bool *ret_conflict, struct tmv_error *err)
{
    int64_t start = clock_now_us();

    *ret_conflict = false;
    *ret_rows = 0;
    buf_clear(&s->data);
    if (!start_reading(t, p, s, err) || (p->finish && !fault_hit("cutover.receiving", err)))
        return err_wrap(err, "reading new events");
    if (s->empty && tail_passes_over(t, p)) {
        forget_slowly(&t->apply_us, clock_now_us() - start);
        return true;
    }
    if ((s->ended && !tail_ask_durable(t, p, err)) || !apply_stream(t, p, s, ret_rows, err)) {
        *ret_conflict = err_is_sqlstate(err, "23505") && !p->staged;
        settle_source(t, p, s);
        pgx_rollback(t->target, TAIL_TIMEOUT_US);
        return *ret_conflict ? true : err_wrap(err, "applying events to the target");
    }
    tail_account(t, p, *ret_rows, true);
    t->last_store_us = clock_now_us();
    if (*ret_rows > 0)
        tail_learn_apply(t, clock_now_us() - start);
    return true;
}

bool tail_apply_piece(struct tailer *t, struct tail_piece *p, int64_t *ret_rows, struct tmv_error *err)
{
    AUTO(stream) struct stream s = {.data = BUF_INIT(STREAM_MAX)};
    bool conflict = false;

    if (t->endpoints->leg.mode == LEG_APPEND)
        return tail_append_piece(t, p, ret_rows, err);
    if (t->staged_left > 0) {
        t->staged_left--;
        p->staged = true;
    }
    if (!apply_once(t, p, &s, ret_rows, &conflict, err))
        return false;
    if (!conflict)
        return true;
    t->staged_left = STAGED_RANGES;
    p->staged = true;
    p->begun = false; /* rolled back */
    return apply_once(t, p, &s, ret_rows, &conflict, err);
}

int64_t tail_piece_positions(int64_t positions, int64_t took_us)
{
    int64_t next = chunk_next_events(positions, took_us, PIECE_AIM_US);

    return next > TAIL_PIECE_MAX ? TAIL_PIECE_MAX : next;
}

/* ---- nothing to apply ---- */

/* The mean of making the source durable is measured again while it is bad, because nothing else does: a large
 * event's WAL is not what the next drain has to wait for. */
static bool measure_durable(struct tailer *t, struct tmv_error *err)
{
    const struct tail_piece p = {.deadline_us = clock_now_us() + DURABLE_TIMEOUT_US};

    if (t->durable_us < DURABLE_SLOW_US || clock_now_us() - t->durable_measured_us < MEASURE_EVERY_US)
        return true;
    t->durable_measured_us = clock_now_us();
    return tail_ask_durable(t, &p, err) && tail_wait_durable(t, DURABLE_TIMEOUT_US, err);
}

bool tail_rest(struct tailer *t, struct tmv_error *err)
{
    int64_t now = clock_now_us();
    struct tail_piece p = {.low = t->watermark,
                           .high = t->watermark,
                           .moves_watermark = true,
                           .deadline_us = now + TAIL_WORK_US};
    int64_t rows;

    forget_slowly(&t->apply_us, now - t->last_tick_us);
    if (!measure_durable(t, err))
        return false;
    return t->watermark <= t->stored_watermark || now - t->last_store_us < STORE_EVERY_US ||
           tail_apply_piece(t, &p, &rows, err);
}

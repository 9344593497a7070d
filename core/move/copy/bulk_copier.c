/* Guarantees: an event of (0, limit] is in the target exactly once when the copy has finished, whatever
 * crashed on the way, because a chunk's rows and its row in tenantmv.copied_range are one transaction; the
 * chunks cover (0, limit] without a gap; rows pass through as the source sent them; memory does not grow with
 * the tenant. */
#include "move/copy/bulk_copier.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/log.h"
#include "lib/stop.h"
#include "move/shared/chunk_queue.h"
#include "move/shared/worker_pool.h"
#include "move/copy/eta.h"
#include "move/copy/index_rebuilder.h"
#include "move/copy/throttle.h"
#include "pg/copy.h"
#include "sql_embedded.h"

#define CHUNK_EVENTS 20000 /* of the first chunks; what they take decides about the next */
#define CHUNK_AIM_US US_PER_S
#define WORKER_EVENTS 25000 /* of a small payload, a few tenths of a second's work */
#define WORKER_DOUBT_US (US_PER_S / 2)
/* Reading a range by the primary key passes over all tenants' rows in it, by bitmaps over the tenant's whole
 * index. The former costs the more the smaller the tenant's share is, the latter the more ranges there are,
 * so the product of share and events decides. Measured with shares of 4 to 32 % of 560,000 events: 3.1 to 11
 * µs against 2.9 to 4.3 µs an event. */
#define FEW_ROWS_BY_BITMAP 20000
#define SNAPSHOT_MAX_US (60 * US_PER_S) /* vacuum of the whole source waits for the oldest snapshot */
#define STEP_TIMEOUT_US (60 * US_PER_S)
#define ANALYZE_TIMEOUT_US (3600 * US_PER_S)
#define WORTH_DROPPING_EVENTS 5000 /* below, building indexes again saves nothing (measured) */
#define RATE_WINDOW_US (2 * US_PER_S)
#define SQL_MAX (64 * 1024)

struct copier {
    const struct endpoints *endpoints;
    struct endpoints members; /* the same for the members' sessions, whose waits end with `stop` */
    struct stop stop;         /* raised with the owner's, and when the copy is broken off */
    bool broken_off;
    const struct bulk_copier_options *options;
    const struct bulk_copier_hooks *hooks;
    struct position_plan plan;
    struct chunk_queue queue;
    struct throttle throttle;
    struct pgx_conn *planned;        /* owned: the source's session that planned, for the first worker */
    int64_t held_us;                 /* how long it held the copy in all, as last seen */
    struct buf columns, filled;      /* what is read, and the target's columns that take it; quoted */
    int64_t copied_before;           /* events in chunks of earlier runs */
    int64_t total;                   /* estimate, refined by what is copied */
    int64_t rate;                    /* events/s over the last window */
    int64_t rate_at_us, rate_events; /* begin of the window */
    int64_t began_us, built_from_us; /* of the rows of this run, of the index builds */
    struct eta_copy left;            /* what is left after the rows */
};

/* ---- one worker ---- */

static bool chunk_sql(const struct copier *c, const char *template, const struct store_shape *shape,
                      const struct position_span *chunk, struct buf *ret_sql, struct tmv_error *err)
{
    char low[24];
    char high[24];

    snprintf(low, sizeof low, "%" PRId64, chunk->low);
    snprintf(high, sizeof high, "%" PRId64, chunk->high);
    const struct pgx_var vars[] = {
        {"columns", buf_text(shape == &c->endpoints->target ? &c->filled : &c->columns)},
        {"tenant_id", c->endpoints->tenant},
        {"low", low},
        {"high", high},
        {"barrier", c->plan.dense ? "OFFSET 0" : ""},
    };
    return store_sql(ret_sql, template, shape, vars, ARRAY_LEN(vars), err);
}

static int64_t snapshot_max_us(const struct copier *c)
{
    return c->options->snapshot_max_us ? c->options->snapshot_max_us : SNAPSHOT_MAX_US;
}

/* The rows of a chunk, inside the target's open transaction. The source is asked when the target is ready:
 * from then on its snapshot is held. */
static bool pump_chunk(struct copier *c, struct pgx_conn *source, struct pgx_conn *target,
                       const struct position_span *chunk, struct chunk_done *ret_done, struct tmv_error *err)
{
    AUTO(buf) struct buf out = BUF_INIT(SQL_MAX);
    AUTO(buf) struct buf in = BUF_INIT(SQL_MAX);
    struct pgx_copy_stats stats;

    if (!chunk_sql(c, sql_copy_out, &c->endpoints->source, chunk, &out, err) ||
        !chunk_sql(c, sql_copy_in, &c->endpoints->target, chunk, &in, err))
        return false;
    if (!pgx_copy_in(target, snapshot_max_us(c), buf_text(&in), err))
        return err_wrap(err, "target");
    int64_t began = clock_now_us();
    if (!pgx_copy_out(source, snapshot_max_us(c), buf_text(&out), err))
        return err_wrap(err, "source");
    if (!pgx_copy_pump(source, target, snapshot_max_us(c), &stats, err))
        return false;
    *ret_done =
        (struct chunk_done){.events = stats.rows, .bytes = stats.bytes, .took_us = clock_now_us() - began};
    return true;
}

static bool commit_chunk(const struct copier *c, struct pgx_conn *target, const struct position_span *chunk,
                         int64_t events, struct tmv_error *err)
{
    return pgx_query(target, STEP_TIMEOUT_US, sql_copy_range_add,
                     PGX_ARGS(PGX_UUID(&c->endpoints->owner.migration), PGX_INT(chunk->low),
                              PGX_INT(chunk->high), PGX_INT(events)),
                     NULL, err) &&
           fault_hit("copy.before_chunk_commit", err) && pgx_commit(target, STEP_TIMEOUT_US, err) &&
           fault_hit("copy.after_chunk_commit", err);
}

/* Rows and their row in copied_range in one transaction. *ret_too_long: it failed because it took too long,
 * and before a commit was asked for. */
static bool copy_chunk(struct copier *c, struct pgx_conn *source, struct pgx_conn *target,
                       const struct position_span *chunk, bool *ret_too_long, struct tmv_error *err)
{
    struct chunk_done done;

    *ret_too_long = false;
    if (!endpoints_begin_target(c->endpoints, target, "copying", true, err))
        return false;
    bool pumped = pump_chunk(c, source, target, chunk, &done, err);
    if (!pumped || !commit_chunk(c, target, chunk, done.events, err)) {
        *ret_too_long = !pumped && (err->code == TMV_ERR_TIMEOUT || err_is_sqlstate(err, "57014"));
        pgx_rollback(target, STEP_TIMEOUT_US);
        return err_wrap(err, "copying positions %" PRId64 " to %" PRId64, chunk->low + 1, chunk->high);
    }
    chunk_queue_done(&c->queue, &done);
    return true;
}

static bool prepare_source(const struct copier *c, struct pgx_conn *source, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(200);
    char milliseconds[24];
    const struct pgx_var vars[] = {{"milliseconds", milliseconds},
                                   {"index_scan", c->plan.dense ? "DEFAULT" : "off"}};

    snprintf(milliseconds, sizeof milliseconds, "%" PRId64, snapshot_max_us(c) / US_PER_MS);
    return pgx_expand(&sql, sql_copy_session, vars, ARRAY_LEN(vars), err) &&
           pgx_script(source, STEP_TIMEOUT_US, buf_text(&sql), 0, NULL, err);
}

static bool connect_source(const struct copier *c, struct pgx_conn **source, struct tmv_error *err)
{
    return endpoints_connect_source(&c->members, "copy", source, err) && prepare_source(c, *source, err);
}

static bool connect_target(const struct copier *c, struct pgx_conn **target, struct tmv_error *err)
{
    return endpoints_connect_target(&c->members, "copy", target, err) &&
           pgx_query(*target, STEP_TIMEOUT_US, sql_copy_target_session, PGX_NONE, NULL, err);
}

/* Connects for a member that has its turn. */
static bool connect_both(const struct copier *c, struct pgx_conn **source, struct pgx_conn **target,
                         struct tmv_error *err)
{
    return (*source || connect_source(c, source, err)) && (*target || connect_target(c, target, err));
}

static bool cut_smaller(struct copier *c, const struct position_span *chunk, struct tmv_error *err)
{
    if (chunk_queue_split(&c->queue, chunk)) {
        log_error(TMV_LOG_INFO, "a chunk is copied in halves", err);
        return true;
    }
    return err_hint(err, "the source is too slow to read even a few events, or the target to take them");
}

/* One of the most workers that there may be: those beyond the limit of the moment wait without connections.
 */
static bool work(void *user, int member, struct tmv_error *err)
{
    struct copier *c = user;
    AUTO_CONN struct pgx_conn *source = member == 0 ? TAKE(c->planned) : NULL; /* the first always works */
    AUTO_CONN struct pgx_conn *target = NULL;
    struct position_span chunk;
    bool too_long;

    for (;;) {
        switch (chunk_queue_take(&c->queue, member, &chunk)) {
        case CHUNK_TAKEN:
            if (!connect_both(c, &source, &target, err))
                return false;
            if (copy_chunk(c, source, target, &chunk, &too_long, err))
                break;
            if (!too_long || !cut_smaller(c, &chunk, err))
                return false;
            pgx_close(TAKE(source));
            pgx_close(TAKE(target));
            break;
        case CHUNK_PARKED:
            pgx_close(TAKE(source));
            pgx_close(TAKE(target));
            chunk_queue_park(&c->queue, member);
            break;
        case CHUNK_NONE:
            return true;
        }
    }
}

/* ---- the owner's thread ---- */

/* Of the rows while they come, and of the whole of them afterwards. */
static int64_t eta_us(struct copier *c, int64_t now, int64_t events)
{
    bool rows_are_done = c->left.building_us > 0;
    int64_t elapsed = now - c->began_us;

    c->left.events_total = c->total;
    c->left.events_left = rows_are_done ? 0 : c->total - c->copied_before - events;
    if (!rows_are_done)
        c->left.events_per_second = c->rate;
    else if (c->left.events_per_second == 0 && c->began_us && elapsed > c->left.building_us)
        c->left.events_per_second = events * US_PER_S / (elapsed - c->left.building_us);
    return eta_of_copy_us(&c->left);
}

static void heed(struct copier *c, enum copy_verdict verdict)
{
    if (verdict != COPY_GO_ON)
        chunk_queue_stop(&c->queue);
    c->broken_off = c->broken_off || verdict == COPY_BREAK_OFF;
    if (c->broken_off || (c->endpoints->stop && stop_is_raised(c->endpoints->stop)))
        stop_raise(&c->stop);
}

static void report(struct copier *c, const char *step)
{
    int64_t now = clock_now_us();
    int64_t chunks, events;
    char why[THROTTLE_WHY_MAX] = "";

    if (c->throttle.running)
        (void)throttle_holds(&c->throttle, why, &c->held_us);
    chunk_queue_progress(&c->queue, &chunks, &events);
    if (now - c->rate_at_us >= RATE_WINDOW_US || c->rate == 0) {
        int64_t elapsed = now - c->rate_at_us;
        c->rate = elapsed > 0 ? (events - c->rate_events) * US_PER_S / elapsed : 0;
        c->rate_at_us = now;
        c->rate_events = events;
    }
    int64_t copied = c->copied_before + events;
    if (c->total < copied)
        c->total = copied;
    struct copy_progress progress = {.events_copied = copied,
                                     .events_total = c->total,
                                     .events_per_second = c->rate,
                                     .eta_us = eta_us(c, now, events),
                                     .step = step,
                                     .throttle = why,
                                     .throttled_us = c->held_us};
    heed(c, c->hooks->progress(c->hooks->user, &progress));
}

/* Two sessions for each, which have to be worth their start: a copy that seems small begins with few, and has
 * all when it turns out not to be over soon, because its events are large or the estimate was wrong. */
static int worker_count(const struct copier *c)
{
    int workers = c->options->settings->copy_workers;
    int64_t worth = 1 + c->plan.events / WORKER_EVENTS;

    if (worth < workers && clock_now_us() - c->began_us < WORKER_DOUBT_US)
        workers = (int)worth;
    return workers < 1 ? 1 : workers > WORKER_POOL_MAX ? WORKER_POOL_MAX : workers;
}

/* Hands on the limits as they are now. */
static void follow_limits(struct copier *c)
{
    const struct tmv_settings *s = c->options->settings;
    char why[THROTTLE_WHY_MAX];
    struct chunk_limits limits = {.events_per_s = s->max_bulk_copy_rate,
                                  .bytes_per_s = s->max_bulk_copy_bytes,
                                  .workers = worker_count(c)};

    if (c->throttle.running) {
        throttle_set(&c->throttle, s);
        limits.held = throttle_holds(&c->throttle, why, &c->held_us);
    }
    chunk_queue_limit(&c->queue, &limits);
}

static void tick(void *user)
{
    struct copier *c = user;
    char step[80];
    int64_t chunks, events;

    chunk_queue_progress(&c->queue, &chunks, &events);
    snprintf(step, sizeof step, "copying history, %" PRId64 " chunk%s done", chunks, chunks == 1 ? "" : "s");
    report(c, step);
    follow_limits(c);
}

static void stop_taking(void *user)
{
    struct copier *c = user;

    chunk_queue_stop(&c->queue);
}

/* Takes the gaps that are left into the queue. The caller has waited for every chunk that was under way. */
static bool read_gaps(struct copier *c, struct pgx_conn *target, size_t *ret_gaps, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *gaps = NULL;
    AUTO_RESULT struct pgx_result *done = NULL;
    const struct tmv_uuid *migration = &c->endpoints->owner.migration;

    if (!pgx_query(target, STEP_TIMEOUT_US, sql_copy_gaps,
                   PGX_ARGS(PGX_UUID(migration), PGX_INT(c->options->limit)), &gaps, err) ||
        !pgx_query(target, STEP_TIMEOUT_US, sql_copy_progress, PGX_ARGS(PGX_UUID(migration)), &done, err))
        return false;
    c->copied_before = pgx_int(done, 0, 0);
    *ret_gaps = (size_t)pgx_rows(gaps);
    for (int row = 0; row < pgx_rows(gaps); row++) {
        int64_t low = pgx_int(gaps, row, 0);
        int64_t high = pgx_int(gaps, row, 1);

        if (low > high)
            return err_set(err, TMV_ERR_INTERNAL, "copied ranges overlap at position %" PRId64, high);
        if (!chunk_queue_add_gap(&c->queue, low, high, err))
            return false;
    }
    return true;
}

/* Sets the target's sequence beyond the history, before its first row. */
static bool raise_sequence(const struct copier *c, struct pgx_conn *target, struct tmv_error *err)
{
    return c->options->limit < 1 ||
           pgx_query(target, STEP_TIMEOUT_US, sql_tail_sequence_beyond,
                     PGX_ARGS(PGX_INT(c->options->limit), PGX_INT(c->endpoints->target.sequence_oid)), NULL,
                     err);
}

/* Locking the applied row for update waits for every chunk that an earlier run may still have under way on
 * the server, so that what is missing afterwards is really missing. */
static bool look_what_is_left(struct copier *c, struct pgx_conn *target, size_t *ret_gaps,
                              struct tmv_error *err)
{
    if (!endpoints_begin_target(c->endpoints, target, "copying", false, err))
        return false;
    if (raise_sequence(c, target, err) && read_gaps(c, target, ret_gaps, err) &&
        fault_hit("copy.before_sequence_commit", err))
        return pgx_commit(target, STEP_TIMEOUT_US, err) && fault_hit("copy.sequence_raised", err);
    pgx_rollback(target, STEP_TIMEOUT_US);
    return false;
}

/* A session that the caller had is used on: another one takes milliseconds, here and on the server. NULL: it
 * had none. */
static bool take_given(const struct copier *c, struct pgx_conn **given, struct pgx_conn **ret_conn,
                       struct tmv_error *err)
{
    *ret_conn = given ? TAKE(*given) : NULL;
    if (pgx_is_usable(*ret_conn))
        return endpoints_rename(c->endpoints, *ret_conn, "copy", err);
    pgx_close(TAKE(*ret_conn));
    return true;
}

static bool plan_copy(struct copier *c, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *source = NULL;
    const struct position_span all = {.low = 0, .high = c->options->limit};

    if (!take_given(c, c->options->source, &source, err) ||
        (!source && !endpoints_connect_source(c->endpoints, "copy", &source, err)) ||
        !position_plan_make(source, &c->endpoints->source, c->endpoints->tenant, &all, &c->plan, err))
        return false;
    if (c->plan.share * (double)c->plan.events < FEW_ROWS_BY_BITMAP)
        c->plan.dense = false;
    c->queue.step_events = CHUNK_EVENTS;
    c->queue.most_events = c->options->settings->batch_size;
    c->queue.aim_us = c->options->aim_us > 0 ? c->options->aim_us : CHUNK_AIM_US;
    c->total = c->plan.events;
    if (!prepare_source(c, source, err))
        return false;
    pgx_set_stop(source, &c->stop);
    c->planned = TAKE(source);
    return true;
}

static bool copy_gaps(struct copier *c, struct pgx_conn *control, struct pgx_conn *target,
                      struct tmv_error *err)
{
    const struct worker_pool_job job = {.user = c, .work = work, .tick = tick, .failed = stop_taking};

    if (!c->options->settings->keep_indexes && c->copied_before == 0 &&
        c->plan.events >= WORTH_DROPPING_EVENTS && !index_rebuilder_drop(c->endpoints, control, target, err))
        return false;
    if (!index_rebuilder_count(c->endpoints, control, &c->left.indexes, err) ||
        !throttle_start(&c->throttle, c->endpoints, c->options->settings, err))
        return false;
    c->began_us = c->rate_at_us = clock_now_us();
    report(c, "copying history");
    follow_limits(c);
    bool ok = worker_pool_run(&job, WORKER_POOL_MAX, err);
    throttle_end(&c->throttle);
    if (ok)
        tick(c);
    return ok;
}

static bool index_step(void *user, double done, int total)
{
    struct copier *c = user;
    char step[80];
    int64_t now = clock_now_us();

    if (!c->built_from_us) {
        c->built_from_us = now;
        c->left.events_per_second = 0; /* from now on, that of all rows */
    }
    c->rate = 0;
    c->left.indexes = total;
    c->left.building_us = now - c->built_from_us + 1;
    if (done > c->left.indexes_built)
        c->left.indexes_built = done;
    snprintf(step, sizeof step, "building indexes, %d of %d done", (int)c->left.indexes_built, total);
    report(c, step);
    return !chunk_queue_is_stopped(&c->queue);
}

/* After the last chunk: no gap is left, the indexes stand again, and readers find statistics. */
static bool complete(struct copier *c, struct pgx_conn *control, struct pgx_conn *target, bool *ret_finished,
                     struct tmv_error *err)
{
    const struct index_rebuilder_hooks hooks = {.user = c, .step = index_step};
    AUTO(buf) struct buf analyze = BUF_INIT(SQL_MAX);
    AUTO_RESULT struct pgx_result *gaps = NULL;
    const struct pgx_var vars[] = {{"write_path", pgx_write_path(target)}};

    if (!pgx_query(target, STEP_TIMEOUT_US, sql_copy_gaps,
                   PGX_ARGS(PGX_UUID(&c->endpoints->owner.migration), PGX_INT(c->options->limit)), &gaps,
                   err))
        return false;
    if (pgx_rows(gaps) > 0)
        return err_set(err, TMV_ERR_INTERNAL, "the chunks leave a gap after position %" PRId64,
                       pgx_int(gaps, 0, 0));
    if (!index_rebuilder_restore(&c->members, control, target, &hooks, ret_finished, err))
        return false;
    if (!*ret_finished)
        return true;
    report(c, "gathering statistics on the target");
    /* What was told to stop has been aborted, perhaps: nothing may be made of the copy then. */
    *ret_finished = !chunk_queue_is_stopped(&c->queue);
    return !*ret_finished ||
           (store_sql(&analyze, sql_copy_analyze, &c->endpoints->target, vars, ARRAY_LEN(vars), err) &&
            pgx_script(target, ANALYZE_TIMEOUT_US, buf_text(&analyze), 0, NULL, err) &&
            fault_hit("copy.analyzed", err));
}

static bool run(struct copier *c, struct pgx_conn *control, bool *ret_finished, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *target = NULL;
    size_t gaps;

    *ret_finished = false;
    store_copied_columns(&c->endpoints->source, &c->endpoints->target, NULL, &c->columns);
    store_filled_columns(&c->endpoints->source, &c->endpoints->target, &c->filled);
    if (!buf_ok(&c->columns, err) || !buf_ok(&c->filled, err) || !plan_copy(c, err) ||
        !take_given(c, c->options->target, &target, err) ||
        (!target && !endpoints_connect_target(c->endpoints, "copy", &target, err)) ||
        !look_what_is_left(c, target, &gaps, err))
        return false;
    if (gaps > 0 && !copy_gaps(c, control, target, err))
        return false;
    if (c->endpoints->stop && stop_is_raised(c->endpoints->stop))
        return err_set(err, TMV_ERR_CANCELLED, "stopped while copying");
    if (chunk_queue_is_stopped(&c->queue))
        return true;
    if (!complete(c, control, target, ret_finished, err))
        return false;
    if (c->options->target)
        *c->options->target = TAKE(target);
    return true;
}

bool bulk_copier_run(const struct endpoints *endpoints, struct pgx_conn *control,
                     const struct bulk_copier_options *options, const struct bulk_copier_hooks *hooks,
                     bool *ret_finished, struct tmv_error *err)
{
    struct copier c = {.endpoints = endpoints,
                       .options = options,
                       .hooks = hooks,
                       .columns = BUF_INIT(SQL_MAX),
                       .filled = BUF_INIT(SQL_MAX)};

    if (!stop_init(&c.stop, err))
        return err_wrap(err, "bulk copy");
    c.members = *endpoints;
    c.members.stop = &c.stop;
    chunk_queue_init(&c.queue, &c.plan, &c.stop);
    bool ok = run(&c, control, ret_finished, err);
    if (c.broken_off) {
        *ret_finished = false;
        ok = true;
    }
    pgx_close(c.planned);
    chunk_queue_release(&c.queue);
    buf_release(&c.columns);
    buf_release(&c.filled);
    stop_release(&c.stop);
    return ok ? true : err_wrap(err, "bulk copy");
}

bool bulk_copier_restore_indexes(const struct endpoints *endpoints, struct pgx_conn *control,
                                 struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *target = NULL;
    bool finished;

    return endpoints_connect_target(endpoints, "index", &target, err) &&
           index_rebuilder_restore(endpoints, control, target, NULL, &finished, err);
}

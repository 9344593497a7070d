#include "migrate/verify_worker.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "migrate/chunk_queue.h"
#include "migrate/verify_repair.h"
#include "migrate/verify_total.h"

/* Rows of the source between two words about what is proven: few at first, so that a person soon sees that it
 * moves. */
#define SLICE_FIRST 10000
#define SLICE_MIN 1000
#define SLICE_MAX 1000000
#define SLICE_AIM_US (2 * US_PER_S)
#define RETRY_US US_PER_S
#define PAUSE_US (200 * US_PER_MS) /* between small ranges: the tail moves all the time */
#define LOOK_US US_PER_S           /* at the guards' facts, when there is nothing to compare */
#define RECOUNT_US (60 * US_PER_S) /* the totals, and not so often that they take more than … */
#define RECOUNT_SHARE 50           /* … one part in so many of the time */
#define RECOUNT_QUICK_US US_PER_S  /* a cutover waits for a count as quick as this */

/* What the thread works on between two looks at the shared part. */
struct task {
    int64_t from, to; /* the same: only a look at the guards */
    int64_t rows;     /* of the source at most */
    bool cut;         /* it had more */
    bool total;       /* compares the totals when everything up to `to` is proven */
    int64_t restarts;
    bool repair;
    bool stop;
};

static struct timespec from_now(int64_t us)
{
    int64_t until = clock_now_us() + us;

    return (struct timespec){.tv_sec = (time_t)(until / US_PER_S),
                             .tv_nsec = (long)(until % US_PER_S) * 1000};
}

/* Under the lock. */
static bool is_total_due(const struct verify_worker *w)
{
    int64_t pause =
        w->total_took_us * RECOUNT_SHARE > RECOUNT_US ? w->total_took_us * RECOUNT_SHARE : RECOUNT_US;

    return w->total_at_us == 0 || w->recount || clock_now_us() - w->total_at_us >= pause;
}

static struct task next_task(struct verify_worker *w, int64_t slice)
{
    struct timespec look = from_now(LOOK_US);
    struct task task;
    int waited = 0;

    pthread_mutex_lock(&w->lock);
    w->busy = false;
    pthread_cond_broadcast(&w->changed);
    while (w->running && (w->held || (w->limit <= w->proof.to && waited == 0 && !is_total_due(w)) ||
                          (w->differs && !w->repair)))
        waited = w->held || w->differs ? pthread_cond_wait(&w->changed, &w->lock)
                                       : pthread_cond_timedwait(&w->changed, &w->lock, &look);
    w->busy = true;
    task = (struct task){.from = w->proof.to,
                         .to = w->limit,
                         .rows = slice,
                         .total = is_total_due(w),
                         .restarts = w->restarts,
                         .repair = w->repair,
                         .stop = !w->running};
    pthread_mutex_unlock(&w->lock);
    return task;
}

static int64_t next_slice(int64_t slice, int64_t took_us)
{
    int64_t next = chunk_next_events(slice, took_us, SLICE_AIM_US);

    return next < SLICE_MIN ? SLICE_MIN : next > SLICE_MAX ? SLICE_MAX : next;
}

/* Under the lock: nothing is proven any more. */
static void begin_anew(struct verify_worker *w)
{
    w->proof.to = 0;
    w->total_at_us = 0;
    w->differs = false;
    w->restarts++;
    memset(&w->report, 0, sizeof w->report);
    w->report.level = TMV_VERIFY_HASH;
    w->report.consistent = true;
}

static void tell(struct verify_worker *w, const struct task *task, const struct tmv_verify_report *part)
{
    pthread_mutex_lock(&w->lock);
    if (task->restarts == w->restarts) {
        w->proof.to = part->equal_to;
        w->differs = !part->consistent;
        verifier_merge(&w->report, part);
        w->report.equal_to = part->equal_to;
        w->report.to_position = part->to_position;
        w->report.duration_us += part->duration_us;
        w->problem.code = TMV_OK;
    }
    pthread_mutex_unlock(&w->lock);
}

/* ---- the totals ---- */

/* Under the lock. Unequal ones take the proof back: the ranges, which are compared again, name the events.
 * When they find nothing, the totals do not lie in any range. */
static void judge_totals(struct verify_worker *w, const struct tenant_total *source,
                         const struct tenant_total *target)
{
    bool outside = source->all - source->inside != target->all - target->inside;

    w->recount = false;
    w->total_at_us = clock_now_us();
    if (verifier_totals_equal(source, target)) {
        w->totals_unequal = 0;
        return;
    }
    w->totals_unequal++;
    if (!outside && w->totals_unequal < 2) {
        begin_anew(w);
        return;
    }
    w->differs = true;
    verifier_note_total(&w->report, source, target);
}

static bool compare_totals(struct verify_worker *w, const struct verifier_task *job, const struct task *task,
                           struct tmv_error *err)
{
    const struct position_span span = {.low = 0, .high = task->to};
    struct tenant_total source, target;
    int64_t began = clock_now_us();

    if (!verifier_total(job, &span, &source, &target, err))
        return false;
    pthread_mutex_lock(&w->lock);
    w->total_took_us = clock_now_us() - began;
    if (task->restarts == w->restarts && !w->differs && w->proof.to >= task->to)
        judge_totals(w, &source, &target);
    pthread_mutex_unlock(&w->lock);
    return true;
}

/* ---- the guards' facts ---- */

static bool read_guards(struct verify_worker *w, struct pgx_conn *source, struct pgx_conn *target,
                        char guards[164], struct tmv_error *err)
{
    char facts[2][80];

    if (!guard_read_facts(source, &w->source_guard, facts[0], err) ||
        !guard_read_facts(target, &w->target_guard, facts[1], err))
        return false;
    snprintf(guards, sizeof w->proof.guards, "%s/%s", facts[0], facts[1]);
    return true;
}

/* Whether the proof so far stands under the facts that are so now; voids it if not. */
static bool same_guards(struct verify_worker *w, const char *guards)
{
    pthread_mutex_lock(&w->lock);
    bool same = strcmp(w->proof.guards, guards) == 0;
    if (!same) {
        snprintf(w->proof.guards, sizeof w->proof.guards, "%s", guards);
        begin_anew(w);
    }
    pthread_mutex_unlock(&w->lock);
    return same;
}

/* ---- the thread ---- */

static bool connect_both(struct verify_worker *w, struct pgx_conn **source, struct pgx_conn **target,
                         struct tmv_error *err)
{
    if (!pgx_is_usable(*source)) {
        pgx_close(TAKE(*source));
        if (!ends_connect_source(&w->ends, "verify", source, err))
            return false;
    }
    if (!pgx_is_usable(*target)) {
        pgx_close(TAKE(*target));
        if (!ends_connect_target(&w->ends, "verify", target, err))
            return false;
    }
    return true;
}

/* A failed repair is told and not tried again by itself. */
static void repair(struct verify_worker *w, const struct verifier_task *job)
{
    struct tmv_verify_report report = {0};
    struct tmv_error err = {0};
    bool ok = verify_repair(job, &report, &err);

    pthread_mutex_lock(&w->lock);
    w->repair = false;
    w->repaired = report;
    w->repair_failed = err;
    if (ok)
        w->repair_failed.code = TMV_OK;
    begin_anew(w);
    pthread_mutex_unlock(&w->lock);
}

static bool compare(struct verify_worker *w, const struct verifier_task *job, const struct task *task,
                    struct tmv_error *err)
{
    AUTO_FREE struct tmv_verify_report *part = malloc(sizeof *part);
    char guards[sizeof w->proof.guards];

    if (!part)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (!verifier_run(job, part, err) || !read_guards(w, job->source, job->target, guards, err))
        return false;
    if (same_guards(w, guards)) /* and so they were all the while */
        tell(w, task, part);
    return true;
}

/* Where the task ends: a slice of rows, not of positions, between which there may be gaps of any width. */
static bool cut_slice(struct verify_worker *w, struct pgx_conn *source, struct task *task,
                      struct tmv_error *err)
{
    const struct position_span span = {.low = task->from, .high = task->to};

    if (task->repair || position_width(&span) <= task->rows)
        return true;
    if (!position_after_rows(source, &w->ends.source, &span, task->rows, &task->to, err))
        return false;
    task->cut = task->to < span.high;
    return true;
}

static bool verify(struct verify_worker *w, struct pgx_conn **source, struct pgx_conn **target,
                   struct task *task, struct tmv_error *err)
{
    char guards[sizeof w->proof.guards];

    if (!connect_both(w, source, target, err) || !read_guards(w, *source, *target, guards, err))
        return false;
    if (!same_guards(w, guards) || (task->to <= task->from && !task->repair && !task->total))
        return true;
    if (!cut_slice(w, *source, task, err))
        return false;
    const struct verifier_task job = {.ends = &w->ends,
                                      .level = TMV_VERIFY_HASH,
                                      .span = {.low = task->repair ? 0 : task->from, .high = task->to},
                                      .source = *source,
                                      .target = *target,
                                      .workers = w->workers};
    if (!task->repair)
        return (task->to <= task->from || compare(w, &job, task, err)) &&
               (!task->total || task->cut || compare_totals(w, &job, task, err));
    repair(w, &job);
    /* Whatever it was stopped in the middle of. */
    pgx_close(TAKE(*source));
    pgx_close(TAKE(*target));
    return true;
}

/* Nothing is compared meanwhile. */
static bool rest(struct verify_worker *w, int64_t us)
{
    pthread_mutex_lock(&w->lock);
    w->busy = false;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return stop_sleep(&w->stop, us);
}

static void *verify_main(void *arg)
{
    struct verify_worker *w = arg;
    AUTO_CONN struct pgx_conn *source = NULL;
    AUTO_CONN struct pgx_conn *target = NULL;
    int64_t slice = SLICE_FIRST;

    for (;;) {
        struct task task = next_task(w, slice);
        struct tmv_error err = {0};
        int64_t began = clock_now_us();

        if (task.stop) {
            pgx_close_gently(TAKE(source), w->engine_stop);
            pgx_close_gently(TAKE(target), w->engine_stop);
            return NULL;
        }
        if (verify(w, &source, &target, &task, &err)) {
            if (task.cut)
                slice = next_slice(slice, clock_now_us() - began);
            if (!task.cut && task.to > task.from && !rest(w, PAUSE_US))
                return NULL;
            continue;
        }
        pthread_mutex_lock(&w->lock);
        w->problem = err;
        pthread_mutex_unlock(&w->lock);
        pgx_close(TAKE(source));
        pgx_close(TAKE(target));
        if (!rest(w, RETRY_US))
            return NULL;
    }
}

/* ---- the coordinator's side ---- */

static void take_start(struct verify_worker *w, const struct verify_start *start)
{
    *w = (struct verify_worker){.ends = *start->ends,
                                .source_guard = *start->source_guard,
                                .target_guard = *start->target_guard,
                                .workers = start->workers,
                                .limit = start->watermark,
                                .proof = start->proof,
                                .engine_stop = start->ends->stop,
                                .stop = {.fd = -1}};
    w->ends.stop = &w->stop;
    w->source_guard.shape = &w->ends.source;
    w->target_guard.shape = &w->ends.target;
    if (start->proof.to > start->watermark)
        w->proof = (struct verify_proof){0};
    w->report = (struct tmv_verify_report){.level = TMV_VERIFY_HASH,
                                           .consistent = true,
                                           .from_position = w->proof.to,
                                           .to_position = w->proof.to,
                                           .equal_to = w->proof.to};
}

bool verify_worker_start(struct verify_worker *w, const struct verify_start *start, struct tmv_error *err)
{
    pthread_condattr_t monotonic;

    take_start(w, start);
    if (!stop_init(&w->stop, err))
        return false;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    w->running = true;
    if (pthread_create(&w->thread, NULL, verify_main, w) == 0)
        return true;
    w->running = false;
    stop_release(&w->stop);
    return err_errno(err, "starting the verification thread");
}

void verify_worker_stop(struct verify_worker *w)
{
    if (!w->running)
        return;
    pthread_mutex_lock(&w->lock);
    w->running = false;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    stop_raise(&w->stop);
    pthread_join(w->thread, NULL);
    stop_release(&w->stop);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
}

void verify_worker_feed(struct verify_worker *w, int64_t limit)
{
    pthread_mutex_lock(&w->lock);
    if (limit > w->limit) {
        w->limit = limit;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
}

void verify_worker_hold(struct verify_worker *w, int64_t patience_us)
{
    struct timespec until = from_now(patience_us);

    if (!w->running)
        return;
    pthread_mutex_lock(&w->lock);
    w->held = true;
    while (w->busy && pthread_cond_timedwait(&w->changed, &w->lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&w->lock);
}

void verify_worker_go_on(struct verify_worker *w)
{
    if (!w->running)
        return;
    pthread_mutex_lock(&w->lock);
    w->held = false;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void verify_worker_restart(struct verify_worker *w, bool repair_first)
{
    pthread_mutex_lock(&w->lock);
    begin_anew(w);
    w->repair = repair_first;
    w->repair_failed = (struct tmv_error){0};
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void verify_worker_recount(struct verify_worker *w, bool *ret_asked)
{
    pthread_mutex_lock(&w->lock);
    *ret_asked = w->total_at_us > 0 && w->total_took_us <= RECOUNT_QUICK_US && !w->differs;
    w->recount = w->recount || *ret_asked;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void verify_worker_look(struct verify_worker *w, struct verify_progress *ret_progress)
{
    pthread_mutex_lock(&w->lock);
    ret_progress->verified_to = w->proof.to;
    ret_progress->total_at_us = w->total_at_us;
    ret_progress->proof = w->proof;
    ret_progress->differs = w->differs;
    ret_progress->repairing = w->repair;
    ret_progress->report = w->report;
    ret_progress->repaired = w->repaired;
    ret_progress->repair_failed = w->repair_failed;
    ret_progress->problem = w->problem;
    pthread_mutex_unlock(&w->lock);
}

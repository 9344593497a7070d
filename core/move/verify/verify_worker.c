#include "move/verify/verify_worker.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/lock.h"
#include "lib/text.h"
#include "lib/thread.h"
#include "move/shared/chunk_queue.h"
#include "move/verify/verify_range.h"
#include "move/verify/verify_repair.h"
#include "move/verify/verify_total.h"

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
    bool unsettled;   /* nothing was compared: the facts that the proof rests on were settled first */
    int64_t restarts;
    bool repair;
    bool stop;
};

/* Under the lock. */
static bool is_total_due(const struct verify_worker *w)
{
    int64_t pause =
        w->total_took_us * RECOUNT_SHARE > RECOUNT_US ? w->total_took_us * RECOUNT_SHARE : RECOUNT_US;

    return w->total_at_us == 0 || w->recount || clock_now_us() - w->total_at_us >= pause;
}

static struct task next_task(struct verify_worker *w, int64_t slice)
{
    int64_t look_us = clock_now_us() + LOOK_US;
    struct task task;
    bool time_left = true;

    pthread_mutex_lock(&w->lock);
    w->busy = false;
    pthread_cond_broadcast(&w->changed);
    while (w->running && (w->held || (w->limit <= w->proof.to && time_left && !is_total_due(w)) ||
                          (w->differs && !w->repair)))
        time_left = cond_wait_until(&w->changed, &w->lock, w->held || w->differs ? INT64_MAX : look_us);
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

/* Everything that an interrupted repair may have removed is there again. */
static bool forget_repair(struct verify_worker *w, const struct verifier_task *job, struct tmv_error *err)
{
    if (!w->may_be_noted)
        return true;
    if (!verify_repair_forget(job, err))
        return false;
    w->may_be_noted = false;
    return true;
}

static bool compare_totals(struct verify_worker *w, const struct verifier_task *job, const struct task *task,
                           struct tmv_error *err)
{
    const struct position_span span = {.low = 0, .high = task->to};
    struct tenant_total totals[SIDE_COUNT];
    int64_t began = clock_now_us();
    bool equal;

    if (!verifier_total(job, &span, VERIFY_RANGE_TIMEOUT_US, totals, err))
        return false;
    pthread_mutex_lock(&w->lock);
    w->total_took_us = clock_now_us() - began;
    if (task->restarts == w->restarts && !w->differs && w->proof.to >= task->to)
        judge_totals(w, &totals[SIDE_SOURCE], &totals[SIDE_TARGET]);
    equal = task->restarts == w->restarts && !w->differs && w->total_at_us > 0;
    pthread_mutex_unlock(&w->lock);
    return !equal || forget_repair(w, job, err);
}

/* ---- the guards' facts ---- */

/* The digest of a side's facts. They are read only when a row of theirs was touched since this session read
 * them. */
static bool read_guard(struct verify_worker *w, enum store_side side, struct pgx_conn *conn,
                       struct tmv_error *err)
{
    const struct guard *guard = side == SIDE_SOURCE ? &w->source_guard : &w->target_guard;
    struct facts_seen *seen = &w->seen[side];
    AUTO(facts) struct facts now = {0};
    char glance[FACTS_DIGEST_SIZE];

    if (seen->glance[0]) {
        if (!facts_glance(conn, guard, glance, err))
            return false;
        if (strcmp(glance, seen->glance) == 0)
            return true;
    }
    if (!facts_read(conn, guard, w->known[side].digest, &now, err))
        return false;
    text_copy(seen->digest, sizeof seen->digest, now.digest);
    text_copy(seen->glance, sizeof seen->glance, now.glance);
    return true;
}

static bool read_guards(struct verify_worker *w, struct pgx_conn *source, struct pgx_conn *target,
                        char guards[164], struct tmv_error *err)
{
    if (!read_guard(w, SIDE_SOURCE, source, err) || !read_guard(w, SIDE_TARGET, target, err))
        return false;
    snprintf(guards, sizeof w->proof.guards, "%s/%s", w->seen[SIDE_SOURCE].digest,
             w->seen[SIDE_TARGET].digest);
    return true;
}

static bool is_proof_of(struct verify_worker *w, const char *guards)
{
    pthread_mutex_lock(&w->lock);
    bool same = strcmp(w->proof.guards, guards) == 0;
    pthread_mutex_unlock(&w->lock);
    return same;
}

/* The proof, or the beginning of a new one, rests on other facts from now on. */
static void rest_on(struct verify_worker *w, struct facts now[SIDE_COUNT], bool proof_continues)
{
    for (int i = 0; i < SIDE_COUNT; i++) {
        if (!now[i].list && strcmp(now[i].digest, w->known[i].digest) == 0)
            continue;
        facts_release(&w->known[i]);
        w->known[i] = now[i];
        now[i] = (struct facts){0};
    }
    pthread_mutex_lock(&w->lock);
    snprintf(w->proof.guards, sizeof w->proof.guards, "%s/%s", w->known[SIDE_SOURCE].digest,
             w->known[SIDE_TARGET].digest);
    if (!proof_continues)
        begin_anew(w);
    pthread_mutex_unlock(&w->lock);
}

/* Whether what changed on a side leaves the proof as it is: a partition that holds none of the events that
 * were proven. */
static bool carries_over(struct verify_worker *w, enum store_side side, struct pgx_conn *conn,
                         const struct facts *now, bool *ret_carries, struct tmv_error *err)
{
    const struct guard *guard = side == SIDE_SOURCE ? &w->source_guard : &w->target_guard;
    AUTO(facts_diff) struct facts_diff diff = {0};
    bool holds = false;

    *ret_carries = strcmp(now->digest, w->known[side].digest) == 0;
    if (*ret_carries || !w->known[side].list)
        return true;
    if (!facts_compare(w->known[side].list, now->list, &diff, err))
        return false;
    for (size_t i = 0; diff.worst == FACT_NOTHING && i < diff.count; i++) {
        if (!diff.changes[i].leaf[0])
            continue;
        if (diff.changes[i].unfinished)
            return err_set(err, TMV_ERR_CONFLICT,
                           "partition %s does not have all of the guard's triggers yet",
                           diff.changes[i].leaf);
        if (!facts_leaf_holds(conn, guard, diff.changes[i].leaf, w->proof.to, &holds, err))
            return false;
        if (holds)
            return true;
    }
    *ret_carries = diff.worst == FACT_NOTHING;
    return true;
}

/* Other facts than the proof rests on: it continues, or begins again. */
static bool change_facts(struct verify_worker *w, struct pgx_conn *const conns[SIDE_COUNT],
                         struct facts now[SIDE_COUNT], struct tmv_error *err)
{
    char known[sizeof w->proof.guards];
    bool carries[SIDE_COUNT] = {false, false};

    snprintf(known, sizeof known, "%s/%s", w->known[SIDE_SOURCE].digest, w->known[SIDE_TARGET].digest);
    bool from_known = is_proof_of(w, known);
    for (int i = 0; i < SIDE_COUNT; i++) {
        const struct guard *guard = i == SIDE_SOURCE ? &w->source_guard : &w->target_guard;
        if (!facts_read(conns[i], guard, w->known[i].list ? w->known[i].digest : NULL, &now[i], err) ||
            !carries_over(w, (enum store_side)i, conns[i], &now[i], &carries[i], err))
            return false;
    }
    rest_on(w, now, from_known && carries[SIDE_SOURCE] && carries[SIDE_TARGET]);
    return true;
}

/* *ret_same: the proof so far holds under the facts as they are now. Otherwise it has been settled under
 * which it holds, and what was compared meanwhile does not count. */
static bool same_guards(struct verify_worker *w, struct pgx_conn *source, struct pgx_conn *target,
                        bool *ret_same, struct tmv_error *err)
{
    struct pgx_conn *const conns[SIDE_COUNT] = {source, target};
    struct facts now[SIDE_COUNT] = {{{0}, NULL}, {{0}, NULL}};
    char guards[sizeof w->proof.guards];

    if (!read_guards(w, source, target, guards, err))
        return false;
    *ret_same = is_proof_of(w, guards);
    if (*ret_same)
        return true;
    bool ok = change_facts(w, conns, now, err);
    for (int i = 0; i < SIDE_COUNT; i++)
        facts_release(&now[i]);
    return ok;
}

/* ---- the thread ---- */

static bool connect_both(struct verify_worker *w, struct pgx_conn **source, struct pgx_conn **target,
                         struct tmv_error *err)
{
    if (!pgx_is_usable(*source)) {
        pgx_close(TAKE(*source));
        w->seen[SIDE_SOURCE].glance[0] = '\0'; /* what a glance shows of one server says nothing of another */
        if (!endpoints_connect_source(&w->endpoints, "verify", source, err))
            return false;
    }
    if (!pgx_is_usable(*target)) {
        pgx_close(TAKE(*target));
        w->seen[SIDE_TARGET].glance[0] = '\0';
        if (!endpoints_connect_target(&w->endpoints, "verify", target, err))
            return false;
    }
    return true;
}

/* A failed repair is told and not tried again by itself. */
static void repair(struct verify_worker *w, const struct verifier_task *job)
{
    struct tmv_verify_report report = {0};
    struct tmv_error err = {0};

    w->may_be_noted = true;
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
    bool same = false;

    if (!part)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (!verifier_run(job, part, err) || !same_guards(w, job->source, job->target, &same, err))
        return false;
    if (same) /* and so they were all the while */
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
    if (!position_after_rows(source, &w->endpoints.source, &span, task->rows, &task->to, err))
        return false;
    task->cut = task->to < span.high;
    return true;
}

static bool verify(struct verify_worker *w, struct pgx_conn **source, struct pgx_conn **target,
                   struct task *task, struct tmv_error *err)
{
    bool same = false;

    if (!connect_both(w, source, target, err) || !same_guards(w, *source, *target, &same, err))
        return false;
    task->unsettled = !same;
    if (!same || (task->to <= task->from && !task->repair && !task->total))
        return true;
    if (!cut_slice(w, *source, task, err))
        return false;
    const struct verifier_task job = {.endpoints = &w->endpoints,
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

/* Between small ranges, which one behind the other would take the machine from the tail. What a cutover waits
 * for, and an order, end it. */
static void pause_between(struct verify_worker *w)
{
    int64_t until_us = clock_now_us() + PAUSE_US;

    pthread_mutex_lock(&w->lock);
    w->busy = false;
    pthread_cond_broadcast(&w->changed);
    while (w->running && !w->recount && !w->repair && cond_wait_until(&w->changed, &w->lock, until_us))
        continue;
    pthread_mutex_unlock(&w->lock);
}

static void *verify_main(void *arg)
{
    struct verify_worker *w = arg;
    AUTO_CONN struct pgx_conn *source = NULL;
    AUTO_CONN struct pgx_conn *target = NULL;
    int64_t slice = SLICE_FIRST;
    bool unsettled = false;

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
            /* Facts that are just settled are compared under soon; ones that never are settle no more often.
             */
            bool goes_on = task.cut || (task.unsettled && !unsettled);
            unsettled = task.unsettled;
            if (!goes_on && task.to > task.from)
                pause_between(w);
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
    *w = (struct verify_worker){.endpoints = *start->endpoints,
                                .source_guard = *start->source_guard,
                                .target_guard = *start->target_guard,
                                .workers = start->workers,
                                .limit = start->watermark,
                                .may_be_noted = true,
                                .proof = start->proof,
                                .engine_stop = start->endpoints->stop,
                                .stop = {.fd = -1}};
    w->endpoints.stop = &w->stop;
    w->source_guard.shape = &w->endpoints.source;
    w->target_guard.shape = &w->endpoints.target;
    for (int i = 0; start->facts && i < SIDE_COUNT; i++) {
        const struct facts *noted = &start->facts->sides[i].noted;
        w->known[i] = *noted;
        w->known[i].list = noted->list ? strdup(noted->list) : NULL; /* without it the proof begins again */
    }
    if (start->proof.to > start->watermark)
        w->proof = (struct verify_proof){0};
    w->report = (struct tmv_verify_report){.level = TMV_VERIFY_HASH,
                                           .consistent = true,
                                           .from_position = w->proof.to,
                                           .to_position = w->proof.to,
                                           .equal_to = w->proof.to};
}

static void release(struct verify_worker *w)
{
    stop_release(&w->stop);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
}

bool verify_worker_start(struct verify_worker *w, const struct verify_start *start, struct tmv_error *err)
{
    take_start(w, start);
    if (!stop_init(&w->stop, err))
        return false;
    lock_init(&w->lock);
    cond_init(&w->changed);
    w->running = true; /* before the thread looks: one that finds it false ends, and nothing is verified */
    if (thread_spawn(&w->thread, "verifier", verify_main, w, err))
        return true;
    w->running = false;
    release(w);
    return false;
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
    for (int i = 0; i < SIDE_COUNT; i++)
        facts_release(&w->known[i]);
    release(w);
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
    int64_t until_us = clock_now_us() + patience_us;

    if (!w->running)
        return;
    pthread_mutex_lock(&w->lock);
    w->held = true;
    while (w->busy && cond_wait_until(&w->changed, &w->lock, until_us))
        continue;
    pthread_mutex_unlock(&w->lock);
}

void verify_worker_resume(struct verify_worker *w)
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

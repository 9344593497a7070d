#include "migrate/verify_worker.h"

#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"

#define SLICE_POSITIONS 250000
#define RETRY_US US_PER_S
#define PAUSE_US (200 * US_PER_MS) /* between small ranges: the tail moves all the time */

/* What the thread works on between two looks at the shared part. */
struct task {
    int64_t from, to;
    int64_t restarts;
    bool stop;
};

static struct task next_task(struct verify_worker *w)
{
    struct task task;

    pthread_mutex_lock(&w->lock);
    w->busy = false;
    pthread_cond_broadcast(&w->changed);
    while (w->running && (w->held || w->differs || w->limit <= w->verified_to))
        pthread_cond_wait(&w->changed, &w->lock);
    w->busy = true;
    task =
        (struct task){.from = w->verified_to, .to = w->limit, .restarts = w->restarts, .stop = !w->running};
    pthread_mutex_unlock(&w->lock);
    if (task.to - task.from > SLICE_POSITIONS)
        task.to = task.from + SLICE_POSITIONS;
    return task;
}

static void tell(struct verify_worker *w, const struct task *task, const struct tmv_verify_report *report)
{
    pthread_mutex_lock(&w->lock);
    if (task->restarts == w->restarts) {
        w->verified_to = report->equal_to;
        w->differs = !report->consistent;
        w->report = *report;
        w->problem.code = TMV_OK;
    }
    pthread_mutex_unlock(&w->lock);
}

static bool verify(struct verify_worker *w, struct pgx_conn **source, struct pgx_conn **target,
                   struct task *task, struct tmv_error *err)
{
    struct tmv_verify_report report;
    const struct position_span span = {.low = task->from, .high = task->to};

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
    const struct verifier_task job = {
        .ends = &w->ends, .level = TMV_VERIFY_HASH, .span = span, .source = *source, .target = *target};
    if (!verifier_run(&job, &report, err))
        return false;
    tell(w, task, &report);
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

    for (;;) {
        struct task task = next_task(w);
        struct tmv_error err = {0};

        if (task.stop)
            return NULL;
        if (verify(w, &source, &target, &task, &err)) {
            if (task.to - task.from < SLICE_POSITIONS && !rest(w, PAUSE_US))
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

bool verify_worker_start(struct verify_worker *w, const struct ends *ends, struct tmv_error *err)
{
    pthread_condattr_t monotonic;

    *w = (struct verify_worker){.ends = *ends, .stop = {.fd = -1}};
    w->ends.stop = &w->stop;
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
    int64_t until = clock_now_us() + patience_us;
    struct timespec ts = {.tv_sec = (time_t)(until / US_PER_S), .tv_nsec = (long)(until % US_PER_S) * 1000};

    if (!w->running)
        return;
    pthread_mutex_lock(&w->lock);
    w->held = true;
    while (w->busy && pthread_cond_timedwait(&w->changed, &w->lock, &ts) == 0)
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

void verify_worker_restart(struct verify_worker *w)
{
    pthread_mutex_lock(&w->lock);
    w->verified_to = 0;
    w->differs = false;
    w->restarts++;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void verify_worker_look(struct verify_worker *w, struct verify_progress *ret_progress)
{
    pthread_mutex_lock(&w->lock);
    ret_progress->verified_to = w->verified_to;
    ret_progress->differs = w->differs;
    ret_progress->report = w->report;
    ret_progress->problem = w->problem;
    pthread_mutex_unlock(&w->lock);
}

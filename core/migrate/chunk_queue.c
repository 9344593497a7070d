#include "migrate/chunk_queue.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"

#define WAIT_MAX_US (200 * US_PER_MS) /* how long a raised stop flag may go unnoticed */

bool chunk_queue_init(struct chunk_queue *q, const struct position_plan *plan, const struct stop *stop,
                      struct tmv_error *err)
{
    pthread_condattr_t attributes;

    *q = (struct chunk_queue){.plan = plan, .stop = stop, .step_events = 1, .debt_at_us = clock_now_us()};
    if (pthread_mutex_init(&q->lock, NULL) != 0 || pthread_condattr_init(&attributes) != 0)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&q->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return true;
}

void chunk_queue_release(struct chunk_queue *q)
{
    if (!q->plan)
        return;
    free(q->gaps);
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    *q = (struct chunk_queue){0};
}

bool chunk_queue_add_gap(struct chunk_queue *q, int64_t low, int64_t high, struct tmv_error *err)
{
    if (q->gap_count == q->gap_cap) {
        size_t cap = q->gap_cap ? 2 * q->gap_cap : 16;
        struct position_span *more = realloc(q->gaps, cap * sizeof *more);

        if (!more)
            return err_set(err, TMV_ERR_NOMEM, "out of memory");
        q->gaps = more;
        q->gap_cap = cap;
    }
    q->gaps[q->gap_count++] = (struct position_span){.low = low, .high = high};
    return true;
}

double rate_debt(double debt, int64_t at_us, int64_t now_us, int64_t max_rate)
{
    double paid = (double)(now_us - at_us) / (double)US_PER_S * (double)max_rate;

    return debt > paid ? debt - paid : 0;
}

int64_t rate_wait_us(double debt, int64_t max_rate)
{
    if (max_rate <= 0 || debt <= 0)
        return 0;
    return (int64_t)(debt / (double)max_rate * (double)US_PER_S);
}

static void pay_debt(struct chunk_queue *q)
{
    int64_t now = clock_now_us();

    q->debt_events = rate_debt(q->debt_events, q->debt_at_us, now, q->max_rate);
    q->debt_at_us = now;
}

/* With the lock held: waits until the rate allows more. */
static void wait_for_rate(struct chunk_queue *q)
{
    for (;;) {
        if (q->stopped || (q->stop && stop_is_raised(q->stop)))
            return;
        pay_debt(q);
        int64_t wait = rate_wait_us(q->debt_events, q->max_rate);
        if (wait == 0)
            return;
        int64_t until = clock_now_us() + (wait < WAIT_MAX_US ? wait : WAIT_MAX_US);
        struct timespec ts = {.tv_sec = (time_t)(until / US_PER_S),
                              .tv_nsec = (long)(until % US_PER_S) * 1000};
        pthread_cond_timedwait(&q->changed, &q->lock, &ts);
    }
}

bool chunk_queue_take(struct chunk_queue *q, struct position_span *ret_chunk)
{
    bool found = false;

    pthread_mutex_lock(&q->lock);
    wait_for_rate(q);
    if (!q->stopped && !(q->stop && stop_is_raised(q->stop)) && q->gap_first < q->gap_count) {
        struct position_span *gap = &q->gaps[q->gap_first];
        int64_t high = position_plan_next(q->plan, gap->low, q->step_events);

        *ret_chunk = (struct position_span){.low = gap->low, .high = high < gap->high ? high : gap->high};
        gap->low = ret_chunk->high;
        if (gap->low >= gap->high)
            q->gap_first++;
        found = true;
    }
    pthread_mutex_unlock(&q->lock);
    return found;
}

void chunk_queue_done(struct chunk_queue *q, int64_t events)
{
    pthread_mutex_lock(&q->lock);
    q->chunks_done++;
    q->events_done += events;
    if (q->max_rate > 0) {
        pay_debt(q);
        q->debt_events += (double)events;
    }
    pthread_mutex_unlock(&q->lock);
}

void chunk_queue_stop(struct chunk_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->stopped = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

bool chunk_queue_is_stopped(struct chunk_queue *q)
{
    pthread_mutex_lock(&q->lock);
    bool stopped = q->stopped;
    pthread_mutex_unlock(&q->lock);
    return stopped;
}

void chunk_queue_progress(struct chunk_queue *q, int64_t *ret_chunks, int64_t *ret_events)
{
    pthread_mutex_lock(&q->lock);
    *ret_chunks = q->chunks_done;
    *ret_events = q->events_done;
    pthread_mutex_unlock(&q->lock);
}

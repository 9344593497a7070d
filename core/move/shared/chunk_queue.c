#include "move/shared/chunk_queue.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/lock.h"

#define WAIT_MAX_US (200 * US_PER_MS) /* how long a raised stop flag may go unnoticed */
#define PARKED_MAX_US US_PER_S        /* the same for a worker that has no turn: it is told, too */
#define CHUNK_EVENTS_MIN 1            /* an event can be of a gigabyte */
#define CHUNK_EVENTS_MAX 1000000

void chunk_queue_init(struct chunk_queue *q, const struct position_plan *plan, const struct stop *stop)
{
    *q = (struct chunk_queue){.plan = plan, .stop = stop, .step_events = 1, .limits = {.workers = 1}};
    lock_init(&q->lock);
    cond_init(&q->changed);
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

static bool add_gap(struct chunk_queue *q, int64_t low, int64_t high)
{
    if (q->gap_count == q->gap_cap) {
        size_t cap = q->gap_cap ? 2 * q->gap_cap : 16;
        struct position_span *more = realloc(q->gaps, cap * sizeof *more);

        if (!more)
            return false;
        q->gaps = more;
        q->gap_cap = cap;
    }
    q->gaps[q->gap_count++] = (struct position_span){.low = low, .high = high};
    return true;
}

bool chunk_queue_add_gap(struct chunk_queue *q, int64_t low, int64_t high, struct tmv_error *err)
{
    return add_gap(q, low, high) || err_set(err, TMV_ERR_NOMEM, "out of memory");
}

/* ---- rates ---- */

double rate_debt(const struct rate *rate, int64_t now_us)
{
    double paid = (double)(now_us - rate->at_us) / (double)US_PER_S * (double)rate->limit;

    return rate->limit > 0 && rate->debt > paid ? rate->debt - paid : 0;
}

int64_t rate_wait_us(const struct rate *rate, int64_t now_us)
{
    if (rate->limit <= 0)
        return 0;
    return (int64_t)(rate_debt(rate, now_us) / (double)rate->limit * (double)US_PER_S);
}

static void rate_take(struct rate *rate, int64_t amount)
{
    int64_t now = clock_now_us();

    rate->debt = rate_debt(rate, now) + (rate->limit > 0 ? (double)amount : 0);
    rate->at_us = now;
}

/* What was taken under the old limit is paid off at the new one, but nobody waits longer for the past than a
 * second: a lower limit is about what comes. */
static void rate_change(struct rate *rate, int64_t limit)
{
    if (limit == rate->limit)
        return;
    rate_take(rate, 0);
    rate->limit = limit;
    if (rate->debt > (double)limit)
        rate->debt = (double)limit;
}

void chunk_queue_limit(struct chunk_queue *q, const struct chunk_limits *limits)
{
    pthread_mutex_lock(&q->lock);
    rate_change(&q->events_rate, limits->events_per_s);
    rate_change(&q->bytes_rate, limits->bytes_per_s);
    q->limits = *limits;
    pthread_cond_broadcast(&q->changed); /* a few times a second: whoever waits looks again */
    pthread_mutex_unlock(&q->lock);
}

/* ---- the size of a range ---- */

int64_t chunk_next_events(int64_t events, int64_t took_us, int64_t aim_us)
{
    double factor = took_us > 0 ? (double)aim_us / (double)took_us : 2;
    double next = (double)events * (factor > 2 ? 2 : factor < 0.5 ? 0.5 : factor);

    return next < 1 ? 1 : (int64_t)next;
}

static int64_t lower(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* With the lock held: what a range should aim at now. A few for every worker, and with a limit on the rate
 * about one a second, so that the rate is even. */
static int64_t current_step(const struct chunk_queue *q)
{
    int64_t share = q->plan->events / (2 * (q->limits.workers > 0 ? q->limits.workers : 1));
    int64_t step = lower(q->step_events, share > CHUNK_SHARE_MIN ? share : CHUNK_SHARE_MIN);

    if (q->most_events > 0)
        step = lower(step, q->most_events);
    if (q->limits.events_per_s > 0)
        step = lower(step, q->limits.events_per_s);
    if (q->limits.bytes_per_s > 0 && q->bytes_done > 0)
        step = lower(
            step, (int64_t)((double)q->limits.bytes_per_s * (double)q->events_done / (double)q->bytes_done));
    return position_plan_step(q->plan, step > 0 ? step : 1);
}

/* ---- handing out ---- */

static bool has_gap(const struct chunk_queue *q)
{
    return q->gap_first < q->gap_count;
}

static bool is_over(const struct chunk_queue *q)
{
    return q->stopped || (q->stop && stop_is_raised(q->stop)) || (!has_gap(q) && q->in_flight == 0);
}

/* With the lock held: how long a worker has to wait at least before it may look again; 0: it may take. */
static int64_t must_wait_us(const struct chunk_queue *q)
{
    int64_t now = clock_now_us();
    int64_t events = rate_wait_us(&q->events_rate, now);
    int64_t bytes = rate_wait_us(&q->bytes_rate, now);

    if (q->limits.held || !has_gap(q))
        return WAIT_MAX_US;
    return lower(events > bytes ? events : bytes, WAIT_MAX_US);
}

/* With the lock held. */
static void wait_up_to(struct chunk_queue *q, int64_t us)
{
    cond_wait_until(&q->changed, &q->lock, clock_now_us() + us);
}

/* With the lock held: waits until the member may take. */
static enum chunk_answer wait_for_turn(struct chunk_queue *q, int member)
{
    while (!is_over(q)) {
        if (member >= q->limits.workers)
            return CHUNK_PARKED;
        int64_t wait = must_wait_us(q);
        if (wait == 0)
            return CHUNK_TAKEN;
        wait_up_to(q, wait);
    }
    return CHUNK_NONE;
}

enum chunk_answer chunk_queue_take(struct chunk_queue *q, int member, struct position_span *ret_chunk)
{
    pthread_mutex_lock(&q->lock);
    enum chunk_answer answer = wait_for_turn(q, member);
    if (answer == CHUNK_TAKEN) {
        struct position_span *gap = &q->gaps[q->gap_first];
        int64_t high = position_plan_next(q->plan, gap->low, current_step(q));

        *ret_chunk = (struct position_span){.low = gap->low, .high = lower(high, gap->high)};
        gap->low = ret_chunk->high;
        if (gap->low >= gap->high)
            q->gap_first++;
        q->in_flight++;
    }
    pthread_mutex_unlock(&q->lock);
    return answer;
}

void chunk_queue_park(struct chunk_queue *q, int member)
{
    pthread_mutex_lock(&q->lock);
    while (!is_over(q) && member >= q->limits.workers)
        wait_up_to(q, PARKED_MAX_US);
    pthread_mutex_unlock(&q->lock);
}

static int64_t sized(int64_t events)
{
    return events < CHUNK_EVENTS_MIN   ? CHUNK_EVENTS_MIN
           : events > CHUNK_EVENTS_MAX ? CHUNK_EVENTS_MAX
                                       : events;
}

bool chunk_queue_split(struct chunk_queue *q, const struct position_span *chunk)
{
    int64_t middle = chunk->low + (chunk->high - chunk->low) / 2;

    if (chunk->high - chunk->low < 2)
        return false;
    pthread_mutex_lock(&q->lock);
    bool ok =
        q->splits < CHUNK_SPLITS_MAX && add_gap(q, chunk->low, middle) && add_gap(q, middle, chunk->high);
    q->splits++;
    q->step_events = sized(q->step_events / 2);
    if (ok)
        q->in_flight--;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    return ok;
}

void chunk_queue_done(struct chunk_queue *q, const struct chunk_done *done)
{
    pthread_mutex_lock(&q->lock);
    q->chunks_done++;
    q->in_flight--;
    q->splits = 0;
    q->events_done += done->events;
    q->bytes_done += done->bytes;
    rate_take(&q->events_rate, done->events);
    rate_take(&q->bytes_rate, done->bytes);
    /* A range that a limit or the gap's end made smaller says nothing about the size that suits. */
    if (q->aim_us > 0 && (done->events >= q->step_events / 2 || done->took_us > 2 * q->aim_us))
        q->step_events = sized(chunk_next_events(q->step_events, done->took_us, q->aim_us));
    if (is_over(q))
        pthread_cond_broadcast(&q->changed); /* whoever waits learns that nothing is left */
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

/* What the copy's workers share: which positions are still to be copied, how fast, and how much is done.
 *
 * Guarantees: ranges handed out never overlap and together cover every gap that was put in; once stopped, no
 * more are handed out. Thread-safe but for init, add_gap and release. The rate is a token bucket over all
 * workers: a worker takes what it copied and waits until the debt is paid off before it gets the next range.
 */
#pragma once

#include <pthread.h>

#include "base/stop.h"
#include "migrate/position_plan.h"

struct chunk_queue {
    const struct position_plan *plan; /* borrowed */
    const struct stop *stop;          /* borrowed; raised: no more ranges */
    int64_t step_events;              /* aim of a range */
    int64_t max_rate;                 /* events/s, 0 unlimited */
    struct position_span *gaps;       /* owned: what is left; the first one is being cut */
    size_t gap_count, gap_first, gap_cap;
    pthread_mutex_t lock; /* over what follows and the gaps */
    pthread_cond_t changed;
    bool stopped;
    int64_t chunks_done, events_done; /* by these workers */
    double debt_events;               /* of the token bucket: events copied beyond what the rate allowed */
    int64_t debt_at_us;               /* monotonic time for which the debt holds */
};

TMV_NODISCARD bool chunk_queue_init(struct chunk_queue *q, const struct position_plan *plan,
                                    const struct stop *stop, struct tmv_error *err);
void chunk_queue_release(struct chunk_queue *q);
TMV_NODISCARD bool chunk_queue_add_gap(struct chunk_queue *q, int64_t low, int64_t high,
                                       struct tmv_error *err);
/* The next range; waits for the rate. False when there is none any more or the queue was stopped. */
bool chunk_queue_take(struct chunk_queue *q, struct position_span *ret_chunk);
/* A range has been committed with so many events. */
void chunk_queue_done(struct chunk_queue *q, int64_t events);
/* No more ranges; the ones that run are finished. */
void chunk_queue_stop(struct chunk_queue *q);
bool chunk_queue_is_stopped(struct chunk_queue *q);
void chunk_queue_progress(struct chunk_queue *q, int64_t *ret_chunks, int64_t *ret_events);

/* Debt of a bucket at `now_us`, when it was `debt` at `at_us`. Pure. */
double rate_debt(double debt, int64_t at_us, int64_t now_us, int64_t max_rate);
/* How long until the debt is paid off. Pure. */
int64_t rate_wait_us(double debt, int64_t max_rate);

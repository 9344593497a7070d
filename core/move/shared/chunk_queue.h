/* What the copy's workers share: which positions are still to be copied, how fast, by how many, and how much
 * is done.
 *
 * Guarantees: ranges handed out never overlap and together cover every gap that was put in, those that were
 * split again included: nobody is told that all is done while a range is under way. Once stopped, no more are
 * handed out. Thread-safe but for init, add_gap and release. Rates are token buckets over all
 * workers: a worker takes what it copied and waits until the debt is paid off before it gets the next range.
 * A range aims at a duration: its size follows what the last ones took. */
#pragma once

#include <pthread.h>

#include "lib/stop.h"
#include "move/shared/position_plan.h"

#define CHUNK_SHARE_MIN 2000 /* a few ranges for every worker, but none smaller for that */

/* A token bucket. */
struct rate {
    int64_t limit; /* per second, 0 unlimited */
    double debt;   /* what was taken beyond what the limit allowed */
    int64_t at_us; /* monotonic time for which the debt holds */
};

/* What may change while the copy runs. */
struct chunk_limits {
    int64_t events_per_s, bytes_per_s; /* 0: unlimited */
    int workers;                       /* members with a lower number work, the others wait */
    bool held;                         /* nobody gets a range now */
};

/* How a range went. */
struct chunk_done {
    int64_t events, bytes;
    int64_t took_us; /* as long as the source's snapshot was held */
};

struct chunk_queue {
    const struct position_plan *plan; /* borrowed */
    const struct stop *stop;          /* borrowed; raised: no more ranges */
    int64_t most_events;              /* a range never aims at more; 0: as it suits */
    int64_t aim_us;                   /* a range should take so long; 0: sizes stay as they are */
    struct position_span *gaps;       /* owned: what is left; the first one is being cut */
    size_t gap_count, gap_first, gap_cap;
    pthread_mutex_t lock; /* over what follows and the gaps */
    pthread_cond_t changed;
    bool stopped;
    int in_flight;                       /* ranges handed out and neither done nor split */
    int64_t step_events;                 /* aim of a range as it is now */
    int splits;                          /* ranges that took too long since one was committed */
    int64_t chunks_done, events_done;    /* by these workers */
    int64_t bytes_done;                  /* by these workers */
    struct chunk_limits limits;          /* as told last */
    struct rate events_rate, bytes_rate; /* over all workers */
};

void chunk_queue_init(struct chunk_queue *q, const struct position_plan *plan, const struct stop *stop);
void chunk_queue_release(struct chunk_queue *q);
TMV_NODISCARD bool chunk_queue_add_gap(struct chunk_queue *q, int64_t low, int64_t high,
                                       struct tmv_error *err);
/* Limits as they are from now on; waiting workers notice at once. */
void chunk_queue_limit(struct chunk_queue *q, const struct chunk_limits *limits);
enum chunk_answer {
    CHUNK_TAKEN,
    CHUNK_PARKED, /* this member has no turn: it needs no connections until chunk_queue_park returns */
    CHUNK_NONE,   /* all are done, or the queue was stopped */
};
/* The next range for a member, who then owes a done, a split or a stop. Waits for the rate, while the copy is
 * held, and, when no range is left, for those under way: one may come back in halves. */
enum chunk_answer chunk_queue_take(struct chunk_queue *q, int member, struct position_span *ret_chunk);
/* Waits until the member has its turn, or everything is over. */
void chunk_queue_park(struct chunk_queue *q, int member);
/* A range has been committed. */
void chunk_queue_done(struct chunk_queue *q, const struct chunk_done *done);
/* A range took too long and was not committed: its halves are handed out later, and the next ones are
 * smaller. False when that does not help, and the range stays the caller's: a single position,
 * CHUNK_SPLITS_MAX in a row, or no memory. */
#define CHUNK_SPLITS_MAX 8
bool chunk_queue_split(struct chunk_queue *q, const struct position_span *chunk);
/* No more ranges; the ones that run are finished. */
void chunk_queue_stop(struct chunk_queue *q);
bool chunk_queue_is_stopped(struct chunk_queue *q);
void chunk_queue_progress(struct chunk_queue *q, int64_t *ret_chunks, int64_t *ret_events);

/* ---- pure parts ---- */

/* The debt at `now_us`. */
double rate_debt(const struct rate *rate, int64_t now_us);
/* How long until the debt of that moment is paid off. */
int64_t rate_wait_us(const struct rate *rate, int64_t now_us);
/* The size of the next range when one of this size took so long; never more than twice or less than half. */
int64_t chunk_next_events(int64_t events, int64_t took_us, int64_t aim_us);

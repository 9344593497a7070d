/* What holds the copy while the source is busy: a standby that falls behind, too many active sessions, a
 * query of the operator's, a flag file. A thread looks every 0.4 s while there is something to look at;
 * the copy's owner asks it and hands the answer to the queue of the chunks. What cannot be looked at holds
 * too: the limit was asked for to protect somebody. Nothing here ever holds the tail or a cutover. */
#pragma once

#include <pthread.h>

#include "move/shared/endpoints.h"

#define THROTTLE_WHY_MAX 200

struct throttle {
    struct endpoints endpoints; /* as the owner's, with a stop flag of its own */
    struct stop stop;           /* raised to end the thread's waits */
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    bool running;
    struct tmv_settings settings; /* of which the throttle_… count */
    char why[THROTTLE_WHY_MAX];   /* what holds now; "" nothing */
    bool looked;                  /* at the limits, once at least: before, it holds and does not count */
    int64_t held_us;              /* in all, up to at_us */
    int64_t at_us;                /* monotonic */
};

/* Begins to look; with limits set it holds until the first look is done. */
TMV_NODISCARD bool throttle_start(struct throttle *t, const struct endpoints *endpoints,
                                  const struct tmv_settings *settings, struct tmv_error *err);
/* Ends it; nothing when it was not started. */
void throttle_end(struct throttle *t);
/* Limits as they are now; new ones are looked at at once, and hold until that is done. */
void throttle_set(struct throttle *t, const struct tmv_settings *settings);
/* Whether it holds now, why ("" when not), and how long it has held in all. */
bool throttle_holds(struct throttle *t, char why[THROTTLE_WHY_MAX], int64_t *ret_held_us);

/* ---- pure parts ---- */

#define LAG_HISTORY_MAX 128
/* How far the source's log went at which time, so that a standby's lag is known by one clock, and also when
 * it says nothing any more. When it is full it forgets every second point: its reach doubles. */
struct lag_history {
    size_t count;
    struct {
        int64_t at_us, position;
    } points[LAG_HISTORY_MAX]; /* ascending in both */
};
void lag_history_note(struct lag_history *h, int64_t at_us, int64_t position);
/* How long the oldest log beyond `replayed` is known already: not more than the standby's lag. */
int64_t lag_history_lag_us(const struct lag_history *h, int64_t replayed, int64_t now_us);
/* What an operator's query answered: true, or a number above the limit, holds. *ret_understood false: neither
 * true, false nor a number. */
bool throttle_judge(const char *answer, int64_t limit, bool *ret_understood);

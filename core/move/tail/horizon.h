/* The horizon: which positions of a tenant are final (design §7). Pure: it is fed with what was read and
 * decides.
 *
 * The rule: read V, the position sequence's value; *then* L, the transactions that hold the tenant's shared
 * lock. Once none of L holds it any more, every event of the tenant with position ≤ V is visible to every
 * later snapshot. The caller then reads once more, with a snapshot taken after that, and only then may move
 * its watermark to V.
 *
 * Several pairs (V, L) are kept, so that a long transaction of the tenant holds back only what it can still
 * change: behind the exact horizon (`final`) there is a soft one, which leaves out transactions that are
 * older than `patience_us`. Up to the soft horizon everything but those transactions' own events is visible.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tenantmv/error.h"

#define HORIZON_HOLDERS_MAX 256
#define HORIZON_PAIRS_MAX 32
#define HORIZON_NAME_MAX 32

/* A transaction that holds the tenant's lock, by virtualtransaction: a pid is NULL after PREPARE. */
struct horizon_holder {
    char name[HORIZON_NAME_MAX];
    int64_t seen_us; /* when it was first seen, monotonic */
};

struct horizon_pair {
    int64_t value;    /* V */
    int64_t taken_us; /* when V was read, monotonic */
    size_t count;
    uint16_t holders[HORIZON_HOLDERS_MAX]; /* L: indices into horizon.holders */
};

struct horizon {
    int64_t patience_us;
    int64_t highest; /* V of any reading, or what the target was brought up to: no later V may be lower */
    size_t holder_count;
    struct horizon_holder holders[HORIZON_HOLDERS_MAX];
    size_t pair_count;
    struct horizon_pair pairs[HORIZON_PAIRS_MAX]; /* ascending by value */
};

struct horizon_answer {
    int64_t final_position;   /* exact horizon; -1 when no pair is final yet */
    int64_t final_taken_us;   /* when that V was read: the age of what is known */
    int64_t soft_position;    /* soft horizon ≥ final; -1 when there is none */
    int64_t soft_taken_us;    /* when that V was read */
    int64_t oldest_holder_us; /* age of the oldest holder, 0 without one */
};

/* Starts: no position was seen yet. */
void horizon_init(struct horizon *h, int64_t patience_us);
/* Starts over after a lost connection or a restart of the server: every pending pair is void then. What was
 * seen highest stays: a sequence that was set back meanwhile is noticed. */
void horizon_reset(struct horizon *h);
/* Whether a value of the sequence is not below what was seen before; then it is what was seen highest. */
TMV_NODISCARD bool horizon_accepts(struct horizon *h, int64_t value);
/* Takes one reading: `value` was read first, then the names of all holders. False when there are more holders
 * than fit: the reading is dropped, which only delays. */
bool horizon_observe(struct horizon *h, int64_t now_us, int64_t value, const char *const *names,
                     size_t count);
/* What is final by the latest reading. Pairs up to the answer's final position are forgotten. */
struct horizon_answer horizon_advance(struct horizon *h, int64_t now_us);

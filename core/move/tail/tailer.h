/* The tail: carries every event of the tenant above a watermark to the target, whoever wrote it (design §7).
 *
 * Invariants, whatever crashes:
 *  A leg in append mode goes the same way; its part of the work is tail_append.h.
 *  T1 the watermark and the events that it stands for are written in one transaction of the target;
 *  T2 the watermark is only ever moved to a position that the horizon calls final, after a read with a later
 * snapshot; T3 what the target commits is durable on the source first; T4 an event is applied once: its
 * identity is (position, event id), and a row in its place that is another event stops the migration
 * (DIVERGED).
 *
 * One thread. A tailer borrows its ends and guard and owns its two connections.
 */
#pragma once

#include "move/shared/endpoints.h"
#include "move/tail/horizon.h"
#include "store/guard/guard.h"

/* The kept statements of its connections. */
enum tail_slot {
    TAIL_SLOT_DIGEST,
    TAIL_SLOT_OBSERVE,
    TAIL_SLOT_READ,
    TAIL_SLOT_DURABLE,
    TAIL_SLOT_NEXT,
    TAIL_SLOT_PIECE,
    TAIL_SLOT_HELD,
    TAIL_SLOT_COLUMNS
};

/* A position up to which everything can be applied. */
struct tail_goal {
    int64_t position; /* -1: none yet */
    int64_t taken_us; /* when V was this (monotonic); 0: none yet */
};

struct tailer {
    const struct endpoints *endpoints;
    const struct guard *guard; /* of the source */
    struct pgx_conn *source;   /* owned: reads positions, locks and events */
    struct pgx_conn *target;   /* owned: applies */
    struct horizon horizon;
    char server_start[64]; /* of the source: a new one voids the horizon */
    int64_t watermark;     /* final and applied; may be ahead of the stored one over ranges without events */
    int64_t stored_watermark;
    bool settled;       /* nobody who was in flight when the connections were opened can still add to what is
                           applied */
    int64_t copy_limit; /* V0: what lies below was durable when the guard's installation committed */
    int64_t reached;    /* applied up to here but for long transactions; ≥ watermark */
    int64_t value;      /* V of the latest reading */
    int64_t events;     /* applied by this tailer */
    struct tail_goal final_goal, soft_goal; /* of the horizon's latest answers */
    int64_t known_us;         /* everything up to V as of then is applied (monotonic); 0: not known yet */
    int64_t piece_positions;  /* one application spans so many positions at most */
    int64_t oldest_writer_us; /* age of the oldest transaction that holds the tenant's lock */
    int64_t last_tick_us, last_store_us;
    int64_t apply_us;            /* running mean of one application, commit included */
    int64_t durable_us;          /* running mean of making the source durable */
    int64_t durable_measured_us; /* when that was measured without need */
    int64_t durable_asked_us;    /* the source owes the answer to that since then; 0 it does not */
    int64_t tick_us;             /* from one turn to the next */
    int64_t batch_events;        /* of a leg in append mode: one batch has so many at most */
    int64_t overtakable;         /* events of it that another transaction's may have overtaken */
    int64_t anchored_us;         /* when its latest anchor was written (monotonic); 0 none by this tailer */
    int64_t anchored_events;     /* and how many events it had applied then */
    int staged_left;             /* ranges still to be applied through the stage, after duplicates were met */
    struct buf columns, filled;  /* what is read, and the target's columns that take it; quoted */
    struct buf read_sql, copy_in_sql, stage_in_sql, next_sql, piece_sql;
};

void tailer_init(struct tailer *t, const struct endpoints *endpoints, const struct guard *guard);
void tailer_release(struct tailer *t);
/* Opens the connections and reads the watermark from the target. */
TMV_NODISCARD bool tailer_connect(struct tailer *t, struct tmv_error *err);
/* Before the first turn, while the source is the tenant's home: the target must not be ahead of it
 * (DIVERGED), as after a crash or failover of the source that lost commits, or when the position sequence was
 * set back. The tail asks again by itself before its watermark moves for the first time: a transaction that
 * was in flight here may have been given a position that the source had handed out before it forgot. */
TMV_NODISCARD bool tailer_check_not_ahead(struct tailer *t, struct tmv_error *err);
/* One turn: a reading at most every 10 ms, then everything that is final (and, behind a long transaction,
 * what is visible) is applied, in pieces. *ret_behind: there is more to do at once. Blocks up to the 10 ms
 * plus a quarter of a second of work, and one piece, which is a single event when events are large. DIVERGED:
 * the position sequence went back. */
TMV_NODISCARD bool tailer_turn(struct tailer *t, bool *ret_behind, struct tmv_error *err);
/* Age of what is known to be applied: everything up to V, as V was then. -1 while that is not known, as
 * before a tail that is far behind has caught up for the first time. */
int64_t tailer_lag_us(const struct tailer *t);

/* The next turn need not wait for longer than the shortest tick. */
void tailer_hurry(struct tailer *t);

/* What the cutover adds to the last application, in the same transaction of the target: called when the
 * events are written and the source is durable. It may append statements to `commit`, which is sent with the
 * COMMIT. */
struct tailer_finish {
    bool (*run)(void *user, struct tailer *t, struct buf *commit, struct tmv_error *err);
    void *user;
};
/* Opens the target's transaction for a drain, ahead of the pause: the applied row is ours and locked then. */
TMV_NODISCARD bool tailer_begin_drain(struct tailer *t, struct tmv_error *err);
/* In that transaction: applies (watermark, value] while no writer of the tenant can be in flight, runs
 * `finish` and commits. *ret_events is what was applied. The watermark is `value` then, and the transaction
 * over, also on failure. `deadline_us` (monotonic) bounds it. DIVERGED: `value` is below what was seen
 * before. */
TMV_NODISCARD bool tailer_drain(struct tailer *t, int64_t value, int64_t deadline_us,
                                const struct tailer_finish *finish, int64_t *ret_events,
                                struct tmv_error *err);
/* Events still to mirror by a new reading; beyond 100,000 rows of the table an estimate. DIVERGED as above.
 */
TMV_NODISCARD bool tailer_count_behind(struct tailer *t, int64_t *ret_events, struct tmv_error *err);

/* Applying a range of positions: reads the tenant's events of (low, high] on the source and writes them to
 * the target in one transaction with the watermark. Part of the tailer, whose invariants (tailer.h, T1 to T4)
 * it keeps; not for others.
 *
 * The way of an event is short in round trips, because on a busy machine each one waits for its turn: the
 * source is read by a kept statement; the target's transaction begins with its COPY, and ends with the
 * watermark, what the cutover adds, and the commit in one script.
 */
#pragma once

#include "move/tail/tailer.h"

#define TAIL_TIMEOUT_US                                                                                      \
    (10 * US_PER_S)                  /* of a small statement: a connection that fell silent is left then     \
                                      */
#define TAIL_WORK_US (60 * US_PER_S) /* of what reads or writes many events */

/* One range (low, high] to apply. */
struct tail_piece {
    int64_t low, high;
    bool moves_watermark;               /* everything up to high is final */
    bool staged;                        /* some of it may stand in the target already */
    bool begun;                         /* the target's transaction is open already */
    int64_t deadline_us;                /* monotonic; every wait ends by then */
    const struct tailer_finish *finish; /* NULL for none */
};

/* Applies one piece; *ret_rows is how many events were written. On failure the target's transaction is rolled
 * back, and the source has no statement open (or its connection is broken). DIVERGED: another event stands in
 * the place of one of ours. UNKNOWN: the answer to the commit was lost. */
TMV_NODISCARD bool tail_apply_piece(struct tailer *t, struct tail_piece *p, int64_t *ret_rows,
                                    struct tmv_error *err);
/* The source's commits up to now are asked to be durable; the answer is awaited before the target commits. */
TMV_NODISCARD bool tail_ask_durable(struct tailer *t, const struct tail_piece *p, struct tmv_error *err);
TMV_NODISCARD bool tail_wait_durable(struct tailer *t, int64_t timeout_us, struct tmv_error *err);
/* What is left of a piece's time, in microseconds; at least 1. */
int64_t tail_left_us(const struct tail_piece *p);
/* How long an application took goes into the running mean. */
void tail_learn_apply(struct tailer *t, int64_t took_us);
/* Commits what was applied, with the statements `last` before it. UNKNOWN: the answer was lost. */
TMV_NODISCARD bool tail_commit_piece(struct tailer *t, const struct tail_piece *p, const char *last,
                                     struct tmv_error *err);
/* Whether a piece without events leaves the watermark as it is stored; then it is noted. */
bool tail_passes_over(struct tailer *t, const struct tail_piece *p);
/* Notes that everything of a piece is applied; `stored`: with the watermark. */
void tail_account(struct tailer *t, const struct tail_piece *p, int64_t rows, bool stored);
/* When there was nothing to apply: keeps the watermark on the target fresh, and lets what was measured of
 * large events settle. */
TMV_NODISCARD bool tail_rest(struct tailer *t, struct tmv_error *err);
/* Positions of the next piece when one of `positions` took so long: 1 … TAIL_PIECE_MAX. Pure. */
int64_t tail_piece_positions(int64_t positions, int64_t took_us);
#define TAIL_PIECE_FIRST 5000
#define TAIL_PIECE_MAX 200000
/* Fills in a statement of the tail for `shape`. */
TMV_NODISCARD bool tail_expand(struct tailer *t, const char *template, const struct store_shape *shape,
                               struct buf *ret_sql, struct tmv_error *err);

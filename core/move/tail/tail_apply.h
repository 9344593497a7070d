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

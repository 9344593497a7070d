/* Applying events in append mode: they get the target's next positions, in the source's order, beside other
 * writers of the target. Part of the tailer, whose invariants (tailer.h) it keeps; not for others.
 *
 * In addition, whatever crashes:
 *  A1 the order of the tenant's events is the same on both sides at every commit: one lane, one batch after
 * the other, positions in one statement; A2 positions rise with transaction ids: the batch's id comes before
 * its positions, and a batch between whose id and positions another transaction got an id is taken again;
 * A3 no position that others may get is set, reserved or used again: positions come from the sequence, and
 * what was not committed is lost to everybody; A4 what is committed is durable, on the source first;
 * A5 a column that the target lacks never disappears silently: the columns are compared after the rows were
 * read.
 */
#pragma once

#include "move/tail/tail_apply.h"

#define APPEND_EVENTS_MAX 500
#define APPEND_EVENTS_FIRST 100

/* Builds the statements of a tailer in append mode. */
TMV_NODISCARD bool tail_append_statements(struct tailer *t, struct tmv_error *err);
/* Prepares the session of the target. */
TMV_NODISCARD bool tail_append_connect(struct tailer *t, struct tmv_error *err);
/* Applies the first events of a piece, as many as fit a batch: the piece ends with the last of them then. As
 * tail_apply_piece otherwise. DIVERGED: an event of the tenant stands on the target that this leg did not
 * write, or the target's position sequence went back. CONFLICT: the source's columns are other ones. */
TMV_NODISCARD bool tail_append_piece(struct tailer *t, struct tail_piece *p, int64_t *ret_rows,
                                     struct tmv_error *err);
/* Compares what was carried last on both sides, by its order: at least the latest `events` events, or all.
 * DIVERGED when they differ. */
TMV_NODISCARD bool tail_append_compare(struct tailer *t, int64_t events, struct tmv_error *err);
/* Events of the next batch when one of `events` took so long. Pure: 1 … APPEND_EVENTS_MAX. */
int64_t tail_append_next(int64_t events, int64_t took_us);

/* What the source says of its positions: how far they are, whether they went back, where the next event is.
 * Part of the tailer (tailer.h); not for others.
 *
 * Guarantees: no value of the position sequence is used that is below one that was seen before, or below what
 * the target has: a range that such a value would make empty could hide events.
 */
#pragma once

#include "move/tail/tailer.h"

/* Takes a reading of the position sequence. DIVERGED, with what was seen and what to do, when it is below an
 * earlier one or below the watermark. */
TMV_NODISCARD bool tail_see_value(struct tailer *t, int64_t value, struct tmv_error *err);
/* Reads the position sequence on the source's connection, with the same check. */
TMV_NODISCARD bool tail_read_value(struct tailer *t, int64_t *ret_value, struct tmv_error *err);
/* Up to where the source's table has no row of any tenant above `after`, as a new snapshot sees it: right
 * before the next row, or `limit` when there is none up to there. */
TMV_NODISCARD bool tail_end_of_gap(struct tailer *t, int64_t after, int64_t limit, int64_t *ret_end,
                                   struct tmv_error *err);
/* Lowers *high to where the piece (low, *high] is about PIECE_BYTES of payloads, as the source stores them:
 * an event may be of many megabytes, and nothing is heard while a piece is applied. Short ranges are left as
 * they are. */
TMV_NODISCARD bool tail_end_of_piece(struct tailer *t, int64_t low, int64_t *high, struct tmv_error *err);

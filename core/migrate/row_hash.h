/* What goes into the hash of an event: the same bytes on both ends, whatever the server's version or the
 * session's settings, and different bytes for different values (1.0 and 1.00, NULL and empty). Pure text
 * building. */
#pragma once

#include "store/shape.h"

/* How the copied columns of a store appear inside ROW(…) of alias `e`, separated by commas. */
void row_hash_record(const struct store_shape *source, const struct store_shape *target,
                     const struct store_shape *side, struct buf *ret_list);
/* The value of one column for a record_send(ROW(…)), from alias `e`. */
void row_hash_column(const struct store_column *column, struct buf *ret_text);
/* Whether a column of `source` is copied: both sides have it, neither generates it, and it means something in
 * both clusters. */
bool row_hash_is_copied(const struct store_shape *source, const struct store_shape *target,
                        const struct store_column *column);

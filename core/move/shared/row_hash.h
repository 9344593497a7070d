/* What goes into the hash of an event: the same bytes on both ends, whatever the server's version or the
 * session's settings, and different bytes for different values (1.0 and 1.00, NULL and empty). Pure text
 * building. */
#pragma once

#include "store/shape.h"

/* How the columns of a store appear inside ROW(…) of alias `e`, separated by commas: the copied ones by their
 * values, the watched ones by whether they have one. `side` is `source` or `target`. */
void row_hash_record(const struct store_shape *source, const struct store_shape *target,
                     const struct store_shape *side, struct buf *ret_list);
/* The same with the event's ordinal, a column of that name of alias `e`, in the place of its position: for
 * sides on which positions differ. */
#define ROW_HASH_ORDINAL "tenantmv_ordinal"
void row_hash_record_in_order(const struct store_shape *source, const struct store_shape *target,
                              const struct store_shape *side, struct buf *ret_list);
/* The value of one column for a record_send(ROW(…)), from alias `e`. */
void row_hash_column(const struct store_column *column, struct buf *ret_text);
/* Whether a column of `source` is in the hash: it is copied, or it is watched (store_column_is_watched). */
bool row_hash_has(const struct store_shape *source, const struct store_shape *target,
                  const struct store_column *column);

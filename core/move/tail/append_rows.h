/* Rows of a binary COPY stream whose first field is their position: what a leg in append mode gives other
 * positions. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counts the tuples in `data` (without the stream's header and trailer) and reads the last one's position.
 * False when the bytes are no such rows: a length that leads beyond the end, a first field that is not of 8
 * bytes. *ret_last is left alone when there are none. */
bool append_rows_count(const char *data, size_t size, size_t *ret_count, int64_t *ret_last);
/* Writes `positions`, one for each tuple, into the first fields. The rows have been counted: as many. */
void append_rows_set(char *data, size_t size, const int64_t *positions);

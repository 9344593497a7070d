/* Text from outside is made safe here, once, where it enters. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies at most `size - 1` bytes and ends the copy; returns false if it did not fit. NULL counts as "". */
bool text_copy(char *dst, size_t size, const char *src);
/* In place: control characters (C0, DEL, C1), bidi overrides and zero-width characters become '?' or a space,
 * bytes that are not UTF-8 become '?'. The text never grows. A cut last character is removed. */
void text_sanitize(char *text);
bool text_starts(const char *text, const char *prefix);
/* Whole decimal number within [lowest, highest]; false for anything else, including spaces. */
bool text_to_int64(const char *text, int64_t lowest, int64_t highest, int64_t *ret_value);

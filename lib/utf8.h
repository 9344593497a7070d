/* Characters of UTF-8 text: what they are, how many columns they take, and whether two differ in case alone.
 * By the tables of libutf8proc, in every locale alike: under tr_TR the C library takes i and I for two
 * letters, and its widths are as old as the system.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character at the start of `text`, which ends in NUL; its bytes. 0: these bytes are not UTF-8 (overlong
 * forms, surrogates and what is beyond U+10FFFF are not). */
size_t utf8_next(const char *text, int32_t *ret_point);
/* Controls, line separators, marks of direction, characters that show nothing: what would change how other
 * text is shown, or make two texts look alike. */
bool utf8_is_unsafe(int32_t point);
/* Columns on a terminal: 1 or 2; 0 for a mark that sits on the character before it; -1 for what must not be
 * shown, as it is unsafe or not assigned. */
int utf8_columns(int32_t point);

/* Without regard to case. Bytes that are not UTF-8 are equal to themselves. */
bool fold_equal(const char *a, const char *b);
/* The first `length` bytes of `a`, and all of `b`. */
bool fold_equal_n(const char *a, size_t length, const char *b);
bool fold_starts(const char *text, const char *prefix);
/* Where `word` begins in `text`; NULL: nowhere. */
const char *fold_find(const char *text, const char *word);

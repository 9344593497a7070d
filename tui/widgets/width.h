/* Graphemes: the pieces of a text that a cell of the screen holds, and how many columns they take.
 * Independent of the program's locale and of the C library's age, so that a view is the same everywhere;
 * terminal/ sees to what curses would judge otherwise. */
#pragma once

#include <stddef.h>

#define CELL_BYTES 20 /* a base character and a few combining ones, with NUL */

/* Cuts the next grapheme (a character and the combining ones after it) off `text`. Control characters,
 * characters of no or unknown direction and bytes that are not UTF-8 become "?". Returns the bytes it takes,
 * 0 at the end. */
size_t grapheme_next(const char *text, char ret_grapheme[CELL_BYTES], int *ret_width);
/* Columns of the whole text. */
int text_width(const char *text);

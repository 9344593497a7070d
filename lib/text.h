/* Text from outside is made safe here, once, where it enters. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies at most `size - 1` bytes and ends the copy; returns false if it did not fit. NULL counts as "". */
bool text_copy(char *dst, size_t size, const char *src);
/* In place: control characters (C0, DEL, C1), bidi overrides and zero-width characters become '?' or a space,
 * bytes that are not UTF-8 become '?'. The text never grows. Returns `text`. */
char *text_sanitize(char *text);
/* ASCII only: in a Turkish locale tolower('I') is no 'i'. */
static inline char text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}
static inline bool text_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

#define TEXT_ARGUMENT_MAX 140
/* An argument of a person as a message may repeat it: in quotes, cut when it is long. One that may be a piece
 * of a connection string, mistyped or in the wrong place, may hold a password: words in its place say that it
 * is not shown. Returns `text`. */
const char *text_argument(const char *argument, char text[TEXT_ARGUMENT_MAX]);
/* The same for an argument of "%s"; the text lives to the end of the block. */
#define ARGUMENT(argument) text_argument(argument, (char[TEXT_ARGUMENT_MAX]){0})
/* Whether it may be a piece of a connection string: host=db1, amy:secret@db1, the word password. */
bool text_may_be_secret(const char *argument);
bool text_starts(const char *text, const char *prefix);

#define TEXT_PATH_MAX 340
/* A path from outside as a message may repeat it: in quotes, cut when it is long. "@", ":" and "=" are usual
 * in names of files, so only what looks like a whole connection string is not shown. Returns `text`. */
const char *text_path(const char *path, char text[TEXT_PATH_MAX]);
/* The same for an argument of "%s"; the text lives to the end of the block. */
#define PATH_ARGUMENT(path) text_path(path, (char[TEXT_PATH_MAX]){0})
/* Whether a path is rather a connection string in the wrong place, perhaps a mistyped one: it holds "://",
 * several words with an option=value or a password among them, or, unless it begins with "/", "./" or "../",
 * user:secret@host or one option=value of which the option names a secret. */
bool text_looks_like_conninfo(const char *path);
/* Whole decimal number within [lowest, highest]; false for anything else, including spaces. */
bool text_to_int64(const char *text, int64_t lowest, int64_t highest, int64_t *ret_value);

/* ---- numbers with a point, whatever LC_ALL the process has ----
 * printf and strtod take the point of its locale, which is a comma in half of Europe. A rule of the lint
 * suite keeps them out of lib and core. */

#define TEXT_DECIMAL_MAX 32
/* Writes `value` with `digits` (0 to 6) places, rounded to the nearest; what is beyond
 * ±9·10¹² is written as that bound, a NaN as the lower one. Returns `text`. */
const char *text_decimal(double value, int digits, char text[TEXT_DECIMAL_MAX]);
/* The same for an argument of "%s"; the text lives to the end of the block. */
#define DECIMAL(value, digits) text_decimal(value, digits, (char[TEXT_DECIMAL_MAX]){0})
/* A whole text that is a number as SQL and JSON write it: "1.5", "-2e3", "Infinity"; false for anything else.
 */
bool text_to_double(const char *text, double *ret_value);
/* The number at the beginning of `text`, as strtod() with a point; *ret_end is `text` when there is none. */
double text_read_double(const char *text, const char **ret_end);

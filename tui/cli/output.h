/* Results as text: tables with aligned columns, labelled lines, tones; and small help for results as JSON.
 * Text from a database is made safe before it reaches the terminal. Standard output only. */
#pragma once

#include "cli/cli.h"

/* What a piece of text means; a colour only where colours are on. */
enum tone { TONE_PLAIN, TONE_STRONG, TONE_GOOD, TONE_WARN, TONE_BAD, TONE_FAINT, TONE_COUNT };

struct listing_column {
    const char *title;
    bool right; /* numbers */
};
struct listing {
    const struct listing_column *columns; /* ends with a NULL title; borrowed */
    size_t width;                         /* number of columns */
    struct listing_cell *cells;           /* owned; row after row */
    size_t count, capacity;
};
void listing_init(struct listing *listing, const struct listing_column *columns);
void listing_release(struct listing *listing);
/* AUTO(listing) struct listing listing = {0}; */
static inline void listing_auto(struct listing *listing)
{
    listing_release(listing);
}
/* Adds the next cell of the current row, or the first of the next row. Exits the process when memory is out.
 */
void listing_cell(struct listing *listing, enum tone tone, const char *fmt, ...) TMV_PRINTF(3, 4);
/* Prints head and rows; nothing when there is no row. */
void listing_print(const struct cli *cli, const struct listing *listing);

/* Prints text in a tone, without a line end. */
void print_tone(const struct cli *cli, enum tone tone, const char *fmt, ...) TMV_PRINTF(3, 4);
/* Text from column `indent` on, the line filled up to column `at` already, and a line end. Broken to the
 * width of a terminal; whole elsewhere, so that it can be searched. */
void print_paragraph(const struct cli *cli, int at, int indent, const char *text);
/* "label      text", one line; nothing when the text is empty. */
void print_line(const struct cli *cli, const char *label, enum tone tone, const char *fmt, ...)
    TMV_PRINTF(4, 5);

/* Exact integers, ids, times (ISO 8601 in UTC; null for 0) and texts that may be empty (null then). */
void json_known(cJSON *object, const char *name, int64_t value); /* null when negative: unknown */
void json_id(cJSON *object, const char *name, const struct tmv_uuid *id);
void json_time(cJSON *object, const char *name, int64_t wall_us);
void json_text(cJSON *object, const char *name, const char *text);

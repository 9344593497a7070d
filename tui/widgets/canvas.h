/* A rectangle of cells that views draw on and back ends (ncurses, plain text, tests) read.
 *
 * Everything is clipped: no call can write outside its rectangle or the canvas, at any size, also 1x1. A cell
 * holds one grapheme and what it means; a wide character owns the cell to its right, which then has width 0.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "widgets/role.h"
#include "widgets/width.h"

struct rect {
    int x, y, w, h; /* in cells; w and h may be ≤ 0: nothing fits */
};

struct cell {
    char text[CELL_BYTES]; /* one grapheme, never empty unless width is 0 */
    uint8_t width;         /* 1, 2, or 0: right half of a wide character */
    uint8_t role;          /* enum role */
    uint8_t over;          /* enum role laid over it (selection), 0: none */
};

struct canvas {
    int cols, rows;
    struct cell *cells; /* rows × cols */
    bool words;         /* for people who hear the screen: words instead of bars and lines */
    int cursor_x;       /* where the terminal's cursor stands, -1: hidden */
    int cursor_y;
};

/* Makes a blank canvas; false without memory. The caller releases it. */
bool canvas_init(struct canvas *canvas, int cols, int rows);
void canvas_release(struct canvas *canvas);
void canvas_clear(struct canvas *canvas);
/* The cell at x, y, or NULL outside. */
struct cell *canvas_at(const struct canvas *canvas, int x, int y);
struct rect canvas_all(const struct canvas *canvas);

/* Splits rows off the top or the bottom of `area`; the piece is never higher than what is there. */
struct rect rect_top(struct rect *area, int rows);
struct rect rect_bottom(struct rect *area, int rows);

/* Writes text at column x of `line` (its first row), cut at the right edge; returns the columns used. */
int canvas_text(struct canvas *canvas, struct rect line, int x, enum role role, const char *text);
/* The whole line: text cut with an ellipsis when it does not fit; the rest of the line stays. */
void canvas_fit(struct canvas *canvas, struct rect line, enum role role, const char *text);
void canvas_fit_right(struct canvas *canvas, struct rect line, enum role role, const char *text);
/* Fills an area with one grapheme of width 1. */
void canvas_fill(struct canvas *canvas, struct rect area, enum role role, const char *grapheme);
/* Lays a role over what is there. */
void canvas_over(struct canvas *canvas, struct rect area, enum role role);
/* Wraps text at spaces into `area`; returns the rows used. */
int canvas_wrap(struct canvas *canvas, struct rect area, enum role role, const char *text);
/* Bytes of `text` that canvas_wrap puts on its first row of `width` columns. */
size_t canvas_wrap_at(const char *text, int width);
/* The rows that canvas_wrap needs for the whole of it; 0 for "". */
int canvas_wrap_rows(const char *text, int width);
/* ── title ───────────── right ── */
void canvas_separator(struct canvas *canvas, struct rect line, const char *title, const char *right);

/* Words put on one line from both ends; they never overlap: what does not fit is cut (put) or left out (try).
 */
struct line {
    struct canvas *canvas;
    struct rect rest; /* what is still free */
};
struct line line_begin(struct canvas *canvas, struct rect area);
void line_put(struct line *line, enum role role, const char *text);
void line_putf(struct line *line, enum role role, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool line_try(struct line *line, enum role role, const char *text);
bool line_try_right(struct line *line, enum role role, const char *text);

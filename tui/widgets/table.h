/* A table whose columns give way by rule: every column has a least and a wished width, and columns with the
 * highest `drop` leave first when the least widths do not fit. */
#pragma once

#include "widgets/canvas.h"

#define TABLE_COLUMNS_MAX 16
#define TABLE_GAP 1 /* blank columns between two columns */

struct column {
    const char *title;
    int least;  /* columns without which it makes no sense */
    int want;   /* more than this it only takes when `grow` */
    int drop;   /* leaves in order of this, highest first; 0 never leaves */
    bool grow;  /* takes what is left over */
    bool right; /* numbers */
};

/* Widths for `width` columns in all; 0: left out. Pure. */
void table_layout(const struct column *columns, int count, int width, int ret_widths[TABLE_COLUMNS_MAX]);

/* Draws one cell into its rectangle. */
typedef void table_cell_fn(void *user, int row, int column, struct canvas *canvas, struct rect cell);

struct table {
    const struct column *columns;
    int column_count;
    int rows;     /* of the model */
    int top;      /* first row shown */
    int selected; /* row with the selection, -1 none */
    table_cell_fn *cell;
    void *user;
};
/* Draws titles and rows; the first column of the area is kept for the selection's bar. Returns the rows
 * shown; when not all are, the titles end in "3–9 of 40". */
int table_draw(struct canvas *canvas, struct rect area, const struct table *table);
/* The rows under the table of this area that `text` needs, which is in a cell of `column`, to be seen whole;
 * 0: the cell shows all of it. Never so many that titles and a row have no room. */
int table_whole_rows(const struct column *columns, int count, int column, struct rect area, const char *text);
/* Draws it there. */
void table_whole_draw(struct canvas *canvas, struct rect area, const char *text);
/* The first row to show so that `selected` is in sight, moving as little as possible. */
int table_scroll(int top, int selected, int rows, int height);

/* A box with rows to look through or to choose from, and a line that searches in them: help, palette, orders,
 * themes, messages are made of it. Drawing is pure; keys are read in console/. */
#pragma once

#include "widgets/field.h"

struct picker_row {
    char key[16];
    char name[128];
    char text[480];
    enum role role; /* of the text */
    bool heading;   /* stands between rows, cannot be chosen */
    bool off;       /* cannot be chosen now: in parentheses */
    int value;      /* what it stands for, the owner's business */
};

struct picker_rows {
    struct picker_row *rows; /* owned */
    int count, capacity;
};
/* Adds a row; without memory it is left out. Text is cut. */
void picker_add(struct picker_rows *rows, const struct picker_row *row);
void picker_add_heading(struct picker_rows *rows, const char *text);
void picker_release(struct picker_rows *rows);
/* Keeps the rows with every word of the query, and the headings above them. */
void picker_search(struct picker_rows *rows, const char *query);

/* Where the person stands in it. */
struct picker {
    struct field query;
    bool typing; /* letters go to the query */
    int cursor;  /* row; never a heading when there is another row */
    int top;
};
/* Moves the cursor by rows, over headings; keeps it within the rows and in sight at this height. */
void picker_move(struct picker *picker, const struct picker_rows *rows, int by, int height);

struct picker_look {
    const char *title, *right;
    const char *label; /* before the query, "search: "; NULL: no query line unless something is typed */
    const char *foot;  /* keys that work here, last line, three blanks between them; "" none. Where not all
                          fit,  the last ones are left out, Esc never */
    const char *empty; /* when no row is left */
    bool plain;        /* rows are read, not chosen: no selection bar */
};
/* The rows that have room in a box on `area`, and the box with them; when not all are in sight, its frame
 * says "1–7 of 72". */
int picker_height(const struct rect *area, const struct picker *picker, const struct picker_look *look);
void picker_draw(const struct picker *picker, const struct picker_rows *rows, const struct picker_look *look,
                 struct canvas *canvas, struct rect area);

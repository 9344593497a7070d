/* Numbers as shapes: progress bar, sparkline, plot with a limit line. Pure: same input, same cells. On a
 * canvas with `words` they are words: nothing where the figure stands beside it, up, down or even for a
 * sparkline, last and largest value for a plot. */
#pragma once

#include "widgets/canvas.h"

/* ━━━━─── over the whole line, thin so that bars of neighbouring rows stay apart; percent is held within 0 …
 * 100. */
void chart_bar(struct canvas *canvas, struct rect line, int percent);
/* ▁▂▄▇ of the last values, each column the largest of its bucket; negative: unknown, a blank. The highest
 * shape stands for the largest value, at least for `top`. */
void chart_spark(struct canvas *canvas, struct rect line, const int64_t *values, size_t count, int64_t top);

struct plot {
    const int64_t *values; /* oldest first; negative: unknown */
    size_t count;
    int64_t limit; /* drawn as a dotted line and kept in sight; negative: none */
    /* text of a value for the axis */
    const char *(*label)(int64_t value, char text[32]);
    int mark; /* a moment shown by a line: 1 + its place in `values`; 0 none */
};
/* A line plot with its axis at the left; needs at least 3 rows and 16 columns, else draws nothing. */
void chart_plot(struct canvas *canvas, struct rect area, const struct plot *plot);

/* The clock under such a plot of the same width, at its start, its middle and its end. Times are microseconds
 * since 1970. */
void chart_times(struct canvas *canvas, struct rect line, int64_t from_us, int64_t to_us);
/* A part of a whole as a bar over the line, a warning from nine tenths on. */
void chart_gauge(struct canvas *canvas, struct rect line, int64_t part, int64_t whole);
/* 1, 2 or 5 times a power of ten, at or above v: an axis that people can read. */
int64_t chart_ceiling(int64_t v);
/* The value at a percentile of sorted values, by nearest rank; -1 when there are none. */
int64_t chart_percentile(const int64_t *sorted, size_t count, int percent);
/* How many durations fall into each class (≤ 1 ms, ≤ 2 ms …): a line each, from the first to the last that is
 * not empty. Returns the rows used. */
int chart_histogram(struct canvas *canvas, struct rect area, const int64_t *values, size_t count);

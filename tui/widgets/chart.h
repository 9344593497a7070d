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
};
/* A line plot with its axis at the left; needs at least 3 rows and 16 columns, else draws nothing. */
void chart_plot(struct canvas *canvas, struct rect area, const struct plot *plot);

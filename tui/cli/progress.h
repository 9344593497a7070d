/* Progress of something that takes a while, on standard error: a bar that is drawn anew on a terminal, lines
 * elsewhere (when the words change, and every few seconds), nothing in JSON mode. */
#pragma once

#include "cli/cli.h"

struct progress {
    const struct cli *cli;
    bool bar;              /* draws on one line */
    bool drawn;            /* the bar stands there now */
    int64_t printed_at_us; /* when the last line was printed, monotonic */
    char stage[80];        /* the stage of the last line */
};

void progress_begin(struct progress *progress, const struct cli *cli);
/* Shows how far it is: `percent` 0 … 100, or -1 when nobody knows. A new `stage` always makes a new line. */
void progress_show(struct progress *progress, int percent, const char *stage, const char *fmt, ...)
    TMV_PRINTF(4, 5);
/* Removes the bar. */
void progress_end(struct progress *progress);

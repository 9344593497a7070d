/* Steps on a common axis of time, each with what it took, its budget and its bar. Pure. */
#pragma once

#include "widgets/canvas.h"

enum timeline_mark { TIMELINE_NONE, TIMELINE_DONE, TIMELINE_RUNS, TIMELINE_FAILED };

struct timeline_step {
    const char *name;
    enum timeline_mark mark;
    int64_t from_us;   /* on the axis */
    int64_t took_us;   /* ≤ 0: it did not happen */
    int64_t budget_us; /* ≤ 0: it has none of its own */
    bool cursor;       /* laid over with the selection */
};

/* Draws an axis line and a line per step, from the top: marks and names, what it took, the bar, the budget.
 * `span_us` is the axis' whole length, at least. Columns leave when the area is narrow: first the bars, then
 * the budget. Returns the rows used. */
int timeline_draw(struct canvas *canvas, struct rect area, const struct timeline_step *steps, int count,
                  int64_t span_us);

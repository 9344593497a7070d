#include "widgets/timeline.h"

#include <stdio.h>
#include <string.h>

#include "widgets/chart.h"
#include "widgets/format.h"

#define NAME 22
#define TOOK 9
#define BUDGET 8
#define BAR_LEAST 16

/* Where the parts of a line stand; a width of 0: it left. */
struct parts {
    int name, took, bar, budget; /* widths */
    int64_t span_us;             /* of the bar's axis */
};

static struct parts split(int width, int64_t span_us)
{
    struct parts parts = {NAME, TOOK, width - NAME - TOOK - BUDGET - 3, BUDGET, chart_ceiling(span_us)};

    if (parts.bar < BAR_LEAST) {
        parts.bar = 0;
        parts.budget = width - NAME - TOOK >= BUDGET ? BUDGET : 0;
    }
    if (width < NAME + TOOK) {
        parts.took = width > TOOK + 4 ? TOOK : 0;
        parts.name = width - parts.took;
    }
    return parts;
}

static void draw_axis(struct canvas *canvas, struct rect line, const struct parts *parts)
{
    struct rect bar = {line.x + NAME + TOOK + 2, line.y, parts->bar, line.h};
    char text[FORMAT_MAX];
    int ticks = parts->bar >= 48 ? 5 : parts->bar >= 28 ? 2 : 1;

    canvas_fit(canvas, (struct rect){line.x + 3, line.y, parts->name - 3, line.h}, ROLE_HEADING, "STEP");
    canvas_fit_right(canvas, (struct rect){line.x + parts->name, line.y, parts->took, line.h}, ROLE_HEADING,
                     "TOOK");
    for (int i = 0; i < ticks && parts->bar > 0; i++)
        canvas_text(canvas, bar, parts->bar * i / ticks, ROLE_TEXT_DIM,
                    i == 0 ? "0" : format_duration(parts->span_us * i / ticks, text));
    if (parts->bar > 0)
        canvas_fit_right(canvas, (struct rect){bar.x + bar.w - 8, line.y, 8, line.h}, ROLE_TEXT_DIM,
                         format_duration(parts->span_us, text));
    if (parts->budget > 0)
        canvas_fit_right(canvas,
                         (struct rect){line.x + line.w - parts->budget, line.y, parts->budget, line.h},
                         ROLE_HEADING, "BUDGET");
}

static bool is_over(const struct timeline_step *step)
{
    return step->budget_us > 0 && step->took_us >= step->budget_us;
}

static void draw_bar(struct canvas *canvas, struct rect axis, int64_t span_us,
                     const struct timeline_step *step)
{
    int64_t from = step->from_us * axis.w / span_us;
    int64_t width = (step->from_us + step->took_us) * axis.w / span_us - from;
    struct rect bar = axis;

    if (from >= axis.w)
        return;
    bar.x += (int)from;
    bar.w = width < 1 ? 1 : width > axis.w - from ? axis.w - (int)from : (int)width;
    canvas_fill(canvas, bar, is_over(step) ? ROLE_LEVEL_CRIT : ROLE_BAR_FULL, "━");
}

static void draw_step(struct canvas *canvas, struct rect line, const struct parts *parts,
                      const struct timeline_step *step)
{
    static const char *const glyphs[] = {" ", "✓", "●", "✗"};
    static const enum role roles[] = {ROLE_TEXT_DIM, ROLE_LEVEL_OK, ROLE_STATE_CUTOVER, ROLE_LEVEL_CRIT};
    struct rect bar = {line.x + NAME + TOOK + 2, line.y, parts->bar, line.h};
    char text[FORMAT_MAX];
    bool over = is_over(step);

    canvas_text(canvas, line, 1, roles[step->mark], glyphs[step->mark]);
    canvas_fit(canvas, (struct rect){line.x + 3, line.y, parts->name - 3, line.h},
               step->mark == TIMELINE_NONE ? ROLE_TEXT_DIM : ROLE_TEXT, step->name);
    canvas_fit_right(canvas, (struct rect){line.x + parts->name, line.y, parts->took, line.h},
                     over ? ROLE_LEVEL_CRIT : ROLE_TEXT,
                     format_duration(step->took_us > 0 ? step->took_us : -1, text));
    if (step->took_us > 0 && !canvas->words)
        draw_bar(canvas, bar, parts->span_us, step);
    if (parts->budget > 0 && step->budget_us > 0)
        canvas_fit_right(canvas,
                         (struct rect){line.x + line.w - parts->budget, line.y, parts->budget, line.h},
                         over ? ROLE_LEVEL_CRIT : ROLE_TEXT_DIM, format_duration(step->budget_us, text));
    if (step->cursor)
        canvas_over(canvas, line, ROLE_SELECTION);
}

int timeline_draw(struct canvas *canvas, struct rect area, const struct timeline_step *steps, int count,
                  int64_t span_us)
{
    struct parts parts = split(area.w, span_us);
    int rows = area.h;

    if (area.w < 8)
        return 0;
    if (area.h > count)
        draw_axis(canvas, rect_top(&area, 1), &parts);
    for (int i = 0; i < count && area.h > 0; i++)
        draw_step(canvas, rect_top(&area, 1), &parts, &steps[i]);
    return rows - area.h;
}

#include "widgets/chart.h"

#include <stdio.h>
#include <string.h>

#include "widgets/format.h"

void chart_bar(struct canvas *canvas, struct rect line, int percent)
{
    struct rect full = line;

    if (canvas->words)
        return;
    percent = percent < 0 ? 0 : percent > 100 ? 100 : percent;
    line.h = full.h = line.h > 0 ? 1 : 0;
    full.w = line.w * percent / 100;
    canvas_fill(canvas, line, ROLE_BAR_REST, "─");
    canvas_fill(canvas, full, ROLE_BAR_FULL, "━");
}

void chart_gauge(struct canvas *canvas, struct rect line, int64_t part, int64_t whole)
{
    struct rect full = line;

    if (canvas->words) /* the figures beside it say the same */
        return;
    part = part < 0 ? 0 : part > whole ? whole : part;
    line.h = full.h = line.h > 0 ? 1 : 0;
    full.w = whole > 0 ? (int)((double)part * line.w / (double)whole + 0.5) : 0;
    if (part > 0 && full.w < 1 && line.w > 0)
        full.w = 1;
    canvas_fill(canvas, line, ROLE_BAR_REST, "─");
    canvas_fill(canvas, full, (double)part >= 0.9 * (double)whole ? ROLE_LEVEL_WARN : ROLE_BAR_FULL, "━");
}

/* Largest known value of bucket `at` of `buckets`; -1 when none is known. With fewer values than buckets they
 * stand at the right, one each. */
static int64_t bucket(const int64_t *values, size_t count, int at, int buckets)
{
    size_t n = (size_t)buckets, i = (size_t)at, first, last;
    int64_t largest = -1;

    if (count <= n) {
        if (i < n - count)
            return -1;
        return values[i - (n - count)];
    }
    first = i * count / n;
    last = (i + 1) * count / n;
    for (size_t k = first; k < last; k++)
        if (values[k] > largest)
            largest = values[k];
    return largest;
}

/* The last third against the first. */
static const char *tendency(const int64_t *values, size_t count, int64_t top)
{
    size_t third = (count + 2) / 3;
    int64_t first = bucket(values, third, 0, 1), last = bucket(values + count - third, third, 0, 1);

    if (first < 0 || last < 0)
        return "";
    return last > first + top / 10 ? "up" : last < first - top / 10 ? "down" : "even";
}

void chart_spark(struct canvas *canvas, struct rect line, const int64_t *values, size_t count, int64_t top)
{
    static const char *const levels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇"};

    for (size_t i = 0; i < count; i++)
        if (values[i] > top)
            top = values[i];
    if (top < 1)
        top = 1;
    if (canvas->words) {
        canvas_fit(canvas, line, ROLE_TEXT, count == 0 ? "" : tendency(values, count, top));
        return;
    }
    for (int x = 0; x < line.w; x++) {
        int64_t v = bucket(values, count, x, line.w);
        if (v >= 0)
            canvas_text(canvas, line, x, ROLE_SPARK, levels[v * 6 / top]);
    }
}

int64_t chart_ceiling(int64_t v)
{
    int64_t unit = 1;

    while (unit < v / 10 + 1 && unit < INT64_MAX / 100)
        unit *= 10;
    if (v <= unit)
        return unit;
    return v <= 2 * unit ? 2 * unit : v <= 5 * unit ? 5 * unit : 10 * unit;
}

#define AXIS 8 /* columns of the labels and the axis itself */

struct plot_area {
    struct canvas *canvas;
    struct rect rect; /* of the line alone */
    int64_t top;      /* value of the first row */
};

static int row_of(const struct plot_area *area, int64_t value)
{
    int rows = area->rect.h - 1;
    int64_t v = value > area->top ? area->top : value;

    return rows - (int)((v * rows + area->top / 2) / area->top);
}

static void draw_axis(const struct plot_area *area, const struct plot *plot)
{
    char text[32];
    struct rect label = {area->rect.x - AXIS, area->rect.y, AXIS - 2, 1};

    for (int y = 0; y < area->rect.h; y++)
        canvas_text(area->canvas, (struct rect){area->rect.x - 2, area->rect.y + y, 2, 1}, 0, ROLE_PLOT_GRID,
                    y == area->rect.h - 1 ? " └" : " │");
    canvas_fit_right(area->canvas, label, ROLE_TEXT_DIM, plot->label(area->top, text));
    canvas_text(area->canvas, (struct rect){area->rect.x - 2, area->rect.y, 2, 1}, 0, ROLE_PLOT_GRID, " ┤");
    if (plot->limit >= 0) {
        int row = row_of(area, plot->limit);
        struct rect line = {area->rect.x, area->rect.y + row, area->rect.w, 1};
        canvas_fill(area->canvas, line, ROLE_PLOT_LIMIT, "·");
        label.y = line.y;
        if (row > 0)
            canvas_fit_right(area->canvas, label, ROLE_PLOT_LIMIT, plot->label(plot->limit, text));
    }
}

/* One column of the line, from the row of the value before to its own. */
static void draw_step(const struct plot_area *area, int x, int before, int row)
{
    struct rect line = {area->rect.x, area->rect.y, area->rect.w, 1};
    int from = before < row ? before : row, to = before < row ? row : before;

    line.y = area->rect.y + row;
    if (before == row) {
        canvas_text(area->canvas, line, x, ROLE_PLOT_LINE, "─");
        return;
    }
    canvas_text(area->canvas, line, x, ROLE_PLOT_LINE, before < row ? "╰" : "╭");
    line.y = area->rect.y + before;
    canvas_text(area->canvas, line, x, ROLE_PLOT_LINE, before < row ? "╮" : "╯");
    for (int y = from + 1; y < to; y++) {
        line.y = area->rect.y + y;
        canvas_text(area->canvas, line, x, ROLE_PLOT_LINE, "│");
    }
}

static void plot_words(struct canvas *canvas, struct rect area, const struct plot *plot)
{
    char last[32], most[32], limit[32], text[140];
    int64_t largest = plot->count > 0 ? bucket(plot->values, plot->count, 0, 1) : -1;

    if (largest < 0)
        return;
    snprintf(text, sizeof text, " last %s, largest %s, %s%s%s",
             plot->label(plot->values[plot->count - 1], last), plot->label(largest, most),
             tendency(plot->values, plot->count, largest), plot->limit >= 0 ? ", limit " : "",
             plot->limit >= 0 ? plot->label(plot->limit, limit) : "");
    canvas_wrap(canvas, area, ROLE_TEXT, text);
}

static void draw_mark(const struct plot_area *area, int x)
{
    for (int y = 0; y < area->rect.h; y++)
        canvas_text(area->canvas, (struct rect){area->rect.x, area->rect.y + y, area->rect.w, 1}, x,
                    ROLE_MARK, "┊");
}

void chart_plot(struct canvas *canvas, struct rect area, const struct plot *plot)
{
    struct plot_area inner = {canvas, {area.x + AXIS, area.y, area.w - AXIS, area.h}, 1};
    int before = -1;

    if (area.h < 3 || area.w < 2 * AXIS)
        return;
    if (canvas->words) {
        plot_words(canvas, area, plot);
        return;
    }
    for (size_t i = 0; i < plot->count; i++)
        if (plot->values[i] > inner.top)
            inner.top = plot->values[i];
    if (plot->limit > inner.top)
        inner.top = plot->limit;
    inner.top = chart_ceiling(inner.top);
    draw_axis(&inner, plot);
    if (plot->mark > 0 && plot->count > 0)
        draw_mark(&inner, (int)((size_t)(plot->mark - 1) * (size_t)inner.rect.w / plot->count));
    for (int x = 0; x < inner.rect.w; x++) {
        int64_t v = bucket(plot->values, plot->count, x, inner.rect.w);
        if (v >= 0)
            draw_step(&inner, x, before < 0 ? row_of(&inner, v) : before, row_of(&inner, v));
        before = v < 0 ? -1 : row_of(&inner, v);
    }
}

void chart_times(struct canvas *canvas, struct rect line, int64_t from_us, int64_t to_us)
{
    struct rect axis = {line.x + AXIS, line.y, line.w - AXIS, line.h};
    char text[FORMAT_MAX];

    if (axis.w < 9 || canvas->words)
        return;
    canvas_text(canvas, axis, 0, ROLE_TEXT_DIM, format_clock(from_us, text));
    if (axis.w >= 40)
        canvas_text(canvas, axis, (axis.w - 9) / 2, ROLE_TEXT_DIM,
                    format_clock(from_us + (to_us - from_us) / 2, text));
    if (axis.w >= 20)
        canvas_fit_right(canvas, axis, ROLE_TEXT_DIM, format_clock(to_us, text));
}

int64_t chart_percentile(const int64_t *sorted, size_t count, int percent)
{
    size_t rank;

    if (count == 0)
        return -1;
    rank = (count * (size_t)percent + 99) / 100; /* the nearest rank: a value that was really seen */
    return sorted[rank > 0 ? rank - 1 : 0];
}

/* Upper bounds of the classes of durations, microseconds. */
static const int64_t classes[] = {1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 1000000, INT64_MAX};

#define CLASSES ((int)(sizeof classes / sizeof *classes))

static void count_classes(const int64_t *values, size_t count, int counts[CLASSES])
{
    memset(counts, 0, CLASSES * sizeof *counts);
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < CLASSES; k++)
            if (values[i] <= classes[k]) {
                counts[k]++;
                break;
            }
}

/* One class: its bound, its bar and how many fell into it. */
static void draw_class(struct canvas *canvas, struct rect line, int k, int n, int most)
{
    struct rect bar = {line.x + 10, line.y, line.w - 16, line.h};
    bool last = classes[k] == INT64_MAX;
    char text[FORMAT_MAX + 8], bound[FORMAT_MAX];

    snprintf(text, sizeof text, "%s%s", last ? "> " : "≤ ",
             format_duration(classes[last ? k - 1 : k], bound));
    canvas_fit_right(canvas, (struct rect){line.x, line.y, 9, line.h}, ROLE_TEXT_DIM, text);
    bar.w = n * bar.w / most;
    if (n > 0 && bar.w == 0)
        bar.w = 1;
    if (!canvas->words)
        canvas_fill(canvas, bar, classes[k] > 100000 ? ROLE_LEVEL_WARN : ROLE_BAR_FULL, "━");
    snprintf(text, sizeof text, "%d", n);
    canvas_text(canvas, line, canvas->words ? 10 : 10 + bar.w + (bar.w > 0), ROLE_TEXT, text);
}

int chart_histogram(struct canvas *canvas, struct rect area, const int64_t *values, size_t count)
{
    int counts[CLASSES], most = 1, first = 0, last = CLASSES - 1, rows = area.h;

    if (area.w < 16)
        return 0;
    count_classes(values, count, counts);
    while (first < last && counts[first] == 0)
        first++;
    while (last > first && counts[last] == 0)
        last--;
    for (int k = first; k <= last; k++)
        most = counts[k] > most ? counts[k] : most;
    for (int k = first; k <= last && area.h > 0 && count > 0; k++)
        draw_class(canvas, rect_top(&area, 1), k, counts[k], most);
    return rows - area.h;
}

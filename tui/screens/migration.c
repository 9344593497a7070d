/* Screen 2: one migration: where it is in its plan, how far the target is behind, what keeps the cutover from
 * being possible, and how the last cutover went step by step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "view/gates.h"
#include "view/attempt.h"
#include "screens/events.h"
#include "view/states.h"
#include "widgets/chart.h"
#include "widgets/format.h"
#include "widgets/table.h"

struct view {
    const struct model *model;
    const struct tmv_migration *m;
    const struct tmv_attempt *attempt; /* the latest of this migration, or NULL */
};

typedef void section_fn(const struct view *view, struct canvas *canvas, struct rect area);

/* A part of the screen: its rows and the order in which it leaves when there are too few. */
struct section {
    section_fn *draw;
    int least, want;
    int leaves;
    bool grow;
};

/* ---- title ---- */

static int64_t since_us(const struct view *view)
{
    const struct tmv_migration *m = view->m;
    const int64_t at[TMV_PHASE_COUNT] = {
        [TMV_PHASE_PENDING] = m->created_at_us,
        [TMV_PHASE_BULK_COPY] = m->started_at_us,
        [TMV_PHASE_DUAL_WRITE] = m->dual_write_started_at_us,
        [TMV_PHASE_CUTOVER] = m->cutover_started_at_us,
        [TMV_PHASE_COMPLETED] = m->completed_at_us,
        [TMV_PHASE_ABORTED] = m->completed_at_us,
        [TMV_PHASE_FAILED] = m->completed_at_us,
    };
    int64_t since = (unsigned)m->phase < TMV_PHASE_COUNT ? at[m->phase] : 0;

    return since > 0 ? model_database_now_us(view->model) - since : -1;
}

static void title_section(const struct view *view, struct canvas *canvas, struct rect area)
{
    static const char *const in[TMV_PHASE_COUNT] = {
        "pending", "in bulk copy", "in dual write", "in cutover", "ago", "ago", "ago"};
    const struct tmv_migration *m = view->m;
    const struct state_look *look = state_look(m->show);
    struct line line = line_begin(canvas, area);
    char name[TENANT_NAME_MAX], text[TMV_NAME_MAX * 2 + 16], uuid[TMV_UUID_TEXT];

    line_put(&line, ROLE_TEXT_DIM, " Fleet › ");
    line_put(&line, ROLE_TEXT_STRONG, tenant_name(&view->model->names, &m->tenant, name));
    line_put(&line, ROLE_TEXT, "   ");
    snprintf(text, sizeof text, "%s %s", look->glyph, look->word);
    line_put(&line, look->role, text);
    if (since_us(view) >= 0 && (unsigned)m->phase < TMV_PHASE_COUNT) {
        snprintf(text, sizeof text, "   %s %s", format_duration(since_us(view), name), in[m->phase]);
        line_try(&line, ROLE_TEXT, text);
    }
    snprintf(text, sizeof text, "   %.60s → %.60s", m->source, m->target);
    line_try(&line, ROLE_TEXT, text);
    snprintf(text, sizeof text, "generation %lld ", (long long)m->generation);
    line_try_right(&line, ROLE_TEXT_DIM, text);
    snprintf(text, sizeof text, "%s   ", tmv_uuid_format(&m->tenant, uuid));
    if (line.rest.w > 44)
        line_try_right(&line, ROLE_TEXT_DIM, text);
}

/* What somebody is about to do to it, else why it is in its state, and since when; "" when there is nothing
 * to say. */
static const char *reason_words(const struct view *view, char text[STATE_REASON_MAX])
{
    if (model_dialog_words(view->model, &view->m->id, text, STATE_REASON_MAX)[0] != '\0')
        return text;
    return state_reason(view->m, model_database_now_us(view->model), text);
}

/* Shown above everything else, only when there is something to say. */
static void reason_section(const struct view *view, struct canvas *canvas, struct rect area)
{
    enum role role = view->m->show == TMV_SHOW_FAILED ? ROLE_LEVEL_CRIT : ROLE_LEVEL_WARN;
    char text[STATE_REASON_MAX];

    reason_words(view, text);
    canvas_wrap(canvas, (struct rect){area.x + 1, area.y, area.w - 2, area.h}, role, text);
}

/* ---- plan ---- */

/* A step of the plan; times are 0 while it has not begun or ended. */
struct plan_step {
    const char *name;
    int64_t from, to;
};

#define STEPS 5

/* One step as words, with the time that it took or takes. */
struct step_words {
    char text[48], took[FORMAT_MAX + 1]; /* " 1:52:07", or "" */
    enum role role;
    bool done;
};

static struct step_words step_words(const struct view *view, const struct plan_step *step, bool is_last)
{
    bool done = step->to > 0 || (is_last && step->from > 0);
    bool begun = !done && step->from > 0, here = begun && !tmv_phase_is_terminal(view->m->phase);
    int64_t until = step->to > 0 ? step->to : model_database_now_us(view->model);
    struct step_words words = {.role = done    ? ROLE_STATE_DONE
                                       : begun ? state_look(view->m->show)->role
                                               : ROLE_TEXT_DIM,
                               .done = done};
    char took[FORMAT_MAX];

    snprintf(words.text, sizeof words.text, "%s %s", done ? "✓" : here ? "▶" : begun ? "✗" : "·", step->name);
    if (step->from > 0 && (here || step->to > 0))
        snprintf(words.took, sizeof words.took, " %.*s", FORMAT_MAX - 1,
                 format_elapsed(until - step->from, took));
    return words;
}

static int plan_width(const struct step_words words[STEPS], int gap)
{
    int width = 1 + gap * (STEPS - 1);

    for (int i = 0; i < STEPS; i++)
        width += text_width(words[i].text) + text_width(words[i].took);
    return width;
}

/* The last step tells what is still to come: so the blanks give way first, then the times of what is done. */
static void plan_section(const struct view *view, struct canvas *canvas, struct rect area)
{
    const struct tmv_migration *m = view->m;
    const struct plan_step steps[STEPS] = {
        {"prepare", m->created_at_us, m->started_at_us},
        {"copy", m->started_at_us, m->bulk_copy_completed_at_us},
        {"catch up", m->bulk_copy_completed_at_us, m->dual_write_started_at_us},
        {"dual write", m->dual_write_started_at_us, m->phase == TMV_PHASE_COMPLETED ? m->completed_at_us : 0},
        {"moved", m->phase == TMV_PHASE_COMPLETED ? m->completed_at_us : 0, 0},
    };
    struct step_words words[STEPS];
    int gap = 3;

    for (int i = 0; i < STEPS; i++)
        words[i] = step_words(view, &steps[i], i == STEPS - 1);
    while (gap > 1 && plan_width(words, gap) > area.w)
        gap--;
    for (int i = 0; i < STEPS && plan_width(words, gap) > area.w; i++)
        if (words[i].done)
            words[i].took[0] = '\0';
    canvas_separator(canvas, rect_top(&area, 1), "plan", "");
    struct line line = line_begin(canvas, area);
    for (int i = 0; i < STEPS; i++) {
        line_putf(&line, ROLE_TEXT, "%*s", i == 0 ? 1 : gap, "");
        line_put(&line, words[i].role, words[i].text);
        line_put(&line, ROLE_TEXT, words[i].took);
    }
}

/* ---- lag ---- */

static int compare_int64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

#define VALUES_MAX (SERIES_SLOTS > TMV_SAMPLES_MAX ? SERIES_SLOTS : TMV_SAMPLES_MAX)

/* Lags over time, oldest first. */
struct lags {
    int64_t us[VALUES_MAX];
    size_t count;
    int64_t span_us; /* from the first to the last */
    int64_t last_us; /* time of the last */
};

static int64_t percentile(const int64_t *values, size_t count, int percent)
{
    int64_t sorted[VALUES_MAX];
    size_t known = 0;

    for (size_t i = 0; i < count; i++)
        if (values[i] >= 0)
            sorted[known++] = values[i];
    qsort(sorted, known, sizeof *sorted, compare_int64);
    return chart_percentile(sorted, known, percent);
}

static void lag_figures(const struct view *view, struct canvas *canvas, struct rect area, const int64_t *lags,
                        size_t count)
{
    const struct {
        const char *name;
        int64_t us;
    } figures[] = {
        {"now", view->m->lag_us},
        {"p50", percentile(lags, count, 50)},
        {"p95", percentile(lags, count, 95)},
        {"max", percentile(lags, count, 100)},
    };
    char text[FORMAT_MAX];

    for (size_t i = 0; i < sizeof figures / sizeof *figures && area.h > 0; i++) {
        struct rect line = rect_top(&area, 1);
        canvas_text(canvas, line, 0, ROLE_TEXT_DIM, figures[i].name);
        line.x += 4;
        line.w -= 5;
        canvas_fit_right(canvas, line, ROLE_TEXT, format_duration(figures[i].us, text));
    }
}

/* The hour when more than two minutes of it are known, from its first known value on; else the last minute.
 */
static void read_lags(const struct view *view, struct lags *lags)
{
    const struct tmv_migration *m = view->m;
    const struct series_view *series = &view->model->series;
    size_t first = 0, count = m->sample_count > TMV_SAMPLES_MAX ? TMV_SAMPLES_MAX : m->sample_count;

    while (first < SERIES_SLOTS && series->lag_us[first] < 0)
        first++;
    memset(lags, 0, sizeof *lags);
    if (tmv_uuid_equal(&series->migration, &m->id) && SERIES_SLOTS - first > 12) {
        lags->count = SERIES_SLOTS - first;
        memcpy(lags->us, series->lag_us + first, lags->count * sizeof *lags->us);
        lags->span_us = (int64_t)(lags->count - 1) * SERIES_SLOT_US;
        lags->last_us = series->newest_us;
        return;
    }
    lags->count = count;
    for (size_t i = 0; i < count; i++)
        lags->us[i] = m->samples[i].lag_us;
    if (count > 0) {
        lags->span_us = m->samples[count - 1].at_us - m->samples[0].at_us;
        lags->last_us = m->samples[count - 1].at_us;
    }
}

static void lag_section(const struct view *view, struct canvas *canvas, struct rect area)
{
    const struct tmv_migration *m = view->m;
    struct lags lags;
    struct plot plot = {lags.us, 0, m->lag_gate_us, format_short, 0};
    struct rect figures;
    char right[80], gate[FORMAT_MAX], span[FORMAT_MAX];

    read_lags(view, &lags);
    plot.count = lags.count;
    snprintf(right, sizeof right, "%s, gate %s", format_short(lags.span_us, span),
             format_duration(m->lag_gate_us, gate));
    canvas_separator(canvas, rect_top(&area, 1), "mirror lag", right);
    if (percentile(lags.us, lags.count, 100) < 0) {
        canvas_fit(canvas, (struct rect){area.x + 1, area.y, area.w - 1, area.h > 0 ? 1 : 0}, ROLE_TEXT_DIM,
                   "unknown until the tail follows the source");
        return;
    }
    figures = area;
    figures.w = area.w > 50 ? 16 : 0;
    figures.x = area.x + area.w - figures.w;
    area.w -= figures.w + 1;
    if (area.h >= 6)
        chart_times(canvas, rect_bottom(&area, 1), lags.last_us - lags.span_us, lags.last_us);
    chart_plot(canvas, area, &plot);
    if (figures.w > 0)
        lag_figures(view, canvas, figures, lags.us, lags.count);
}

/* ---- work ---- */

static void work_events(const struct view *view, struct canvas *canvas, struct rect area)
{
    const struct tmv_migration *m = view->m;
    struct line line = line_begin(canvas, area);
    char a[FORMAT_MAX], b[FORMAT_MAX];

    line_putf(&line, ROLE_TEXT_DIM, " events ");
    line_putf(&line, ROLE_TEXT_STRONG, "%s", format_grouped(m->events_copied, a));
    line_putf(&line, ROLE_TEXT, " of %s", format_grouped(m->events_total, b));
    line_putf(&line, ROLE_TEXT_DIM, "   rate ");
    line_putf(&line, ROLE_TEXT, "%s/s", format_count(m->rate, a));
    if (m->lag_events >= 0) {
        line_putf(&line, ROLE_TEXT_DIM, "   to mirror ");
        line_putf(&line, ROLE_TEXT, "%s", format_grouped(m->lag_events, a));
    }
    if (m->eta_us >= 0 && !tmv_phase_is_terminal(m->phase)) {
        line_putf(&line, ROLE_TEXT_DIM, "   left ");
        line_putf(&line, ROLE_TEXT, "%s", format_duration(m->eta_us, a));
    }
    if (m->throttled_us > 0 && !tmv_phase_is_terminal(m->phase)) {
        line_putf(&line, ROLE_TEXT_DIM, "   throttled ");
        line_putf(&line, m->throttle[0] != '\0' ? ROLE_STATE_THROTTLED : ROLE_TEXT, "%s",
                  format_duration(m->throttled_us, a));
    }
}

static void work_proof(const struct view *view, struct canvas *canvas, struct rect area)
{
    const struct tmv_migration *m = view->m;
    struct line line = line_begin(canvas, area);
    char a[FORMAT_MAX];

    line_put(&line, ROLE_TEXT_DIM, " watermark ");
    line_put(&line, ROLE_TEXT, m->watermark > 0 ? format_grouped(m->watermark, a) : "none");
    line_put(&line, ROLE_TEXT_DIM, "   verified to ");
    line_put(&line, ROLE_TEXT, m->verified_to > 0 ? format_grouped(m->verified_to, a) : "nothing yet");
}

static void work_section(const struct view *view, struct canvas *canvas, struct rect area)
{
    const struct tmv_migration *m = view->m;
    struct line line;
    struct rect bar;
    char text[TMV_REASON_MAX], owner[120] = "", age[FORMAT_MAX];

    if (!tmv_phase_is_terminal(m->phase))
        snprintf(owner, sizeof owner, "no engine owns it");
    if (m->owner[0] != '\0' && m->owner_age_us >= 0)
        snprintf(owner, sizeof owner, "%.60s, seen %s ago", m->owner, format_duration(m->owner_age_us, age));
    canvas_separator(canvas, rect_top(&area, 1), "work", owner);
    bar = rect_top(&area, 1);
    line = line_begin(canvas, bar);
    snprintf(text, sizeof text, " %3d%% ", m->percent);
    line_put(&line, ROLE_TEXT_STRONG, text);
    bar = line.rest;
    bar.w = line.rest.w > 40 ? line.rest.w / 2 : line.rest.w > 12 ? 12 : 0;
    chart_bar(canvas, bar, m->percent);
    line.rest.x += bar.w;
    line.rest.w -= bar.w;
    line_put(&line, ROLE_TEXT, "  ");
    line_put(&line, ROLE_TEXT, tmv_phase_is_terminal(m->phase) ? "" : m->step);
    if (m->phase == TMV_PHASE_BULK_COPY && m->throttled_us > 0) {
        snprintf(text, sizeof text, "   throttled %s in all", format_duration(m->throttled_us, age));
        line_try(&line, ROLE_TEXT_DIM, text);
    }
    work_events(view, canvas, rect_top(&area, 1));
    work_proof(view, canvas, rect_top(&area, 1));
}

/* ---- gates ---- */

/* What all gates together mean. */
static void gates_verdict(const struct tmv_migration *m, size_t green, struct canvas *canvas,
                          struct rect area)
{
    char why[TMV_REASON_MAX] = "", text[TMV_REASON_MAX + 80], pause[FORMAT_MAX];
    enum role role = ROLE_TEXT_DIM;
    struct rect indented = {area.x + 1, area.y, area.w - 2, area.h};

    if (tmv_operation_allowed(m, TMV_OP_CUTOVER, why)) {
        role = green < m->gate_count ? ROLE_LEVEL_WARN : ROLE_STATE_READY;
        text_copy(why, sizeof why,
                  green < m->gate_count && gates_unknown(m) ? "no cutover while a gate is not known"
                  : green < m->gate_count                   ? "no cutover while a gate is red"
                  : m->gate_count > 0                       ? "ready: c starts the cutover"
                                                            : "no gate has been looked at yet");
    }
    text_copy(text, sizeof text, why);
    if (m->predicted_pause_us >= 0)
        snprintf(text, sizeof text, "predicted pause %s   %s", format_duration(m->predicted_pause_us, pause),
                 why);
    canvas_wrap(canvas, indented, role, text);
}

static void gates_section(const struct view *view, struct canvas *canvas, struct rect area)
{
    const struct tmv_migration *m = view->m;
    size_t green = gates_green(m);
    char right[64];
    struct rect verdict;

    snprintf(right, sizeof right, "%zu of %zu", green, m->gate_count);
    canvas_separator(canvas, rect_top(&area, 1), "cutover gates", m->gate_count > 0 ? right : "");
    verdict = rect_bottom(&area, area.w >= 76 ? 1 : 2);
    area.x++;
    area.w--;
    gates_draw(m, canvas, area);
    gates_verdict(m, green, canvas, verdict);
}

static int gate_rows(const struct tmv_migration *m, int width)
{
    return (width >= 76 ? 2 : 3) + gates_rows(m, width - 1);
}

/* ---- last cutover ---- */

static void attempt_section(const struct view *view, struct canvas *canvas, struct rect area)
{
    attempt_draw(view->model, view->attempt, canvas, area);
}

static void own_events_section(const struct view *view, struct canvas *canvas, struct rect area)
{
    events_draw(view->model, canvas, area, &view->m->id);
}

/* ---- the whole ---- */

/* Heights by the same rule as the widths of a table's columns. */
static void draw_stack(const struct view *view, struct canvas *canvas, struct rect area,
                       const struct section *sections, int count)
{
    struct column rows[TABLE_COLUMNS_MAX] = {0};
    int heights[TABLE_COLUMNS_MAX], n = 0;
    section_fn *draw[TABLE_COLUMNS_MAX];

    for (int i = 0; i < count; i++) {
        if (sections[i].want == 0)
            continue;
        rows[n] = (struct column){
            "", sections[i].least, sections[i].want, sections[i].leaves, sections[i].grow, false};
        draw[n++] = sections[i].draw;
    }
    /* the layout counts a blank between two: here there is none */
    table_layout(rows, n, area.h + (n - 1) * TABLE_GAP, heights);
    for (int i = 0; i < n; i++)
        if (heights[i] > 0)
            draw[i](view, canvas, rect_top(&area, heights[i]));
}

/* Rows that the reason takes at this width; 0: there is none. */
static int reason_rows(const struct view *view, int width)
{
    char text[STATE_REASON_MAX];

    return reason_words(view, text)[0] == '\0' ? 0 : canvas_wrap_rows(text, width - 2);
}

static void migration_draw(const struct model *model, struct canvas *canvas, struct rect area)
{
    struct view view = {model, model_under_cursor(model), NULL};
    struct rect right = area;
    bool wide = area.w >= 120;
    int reason, gates, attempt;

    if (!view.m) {
        canvas_wrap(canvas, (struct rect){area.x + 2, area.y + 1, area.w - 4, area.h - 1}, ROLE_TEXT_DIM,
                    "No migration is selected: go back to the fleet with Esc or 1.");
        return;
    }
    view.attempt = attempt_latest(model->snapshot, &view.m->id);
    right.w = wide ? (area.w - 1) * 45 / 100 : area.w;
    reason = reason_rows(&view, wide ? area.w - right.w - 1 : area.w);
    gates = gate_rows(view.m, right.w);
    attempt = view.attempt ? ATTEMPT_ROWS : 0;
    title_section(&view, canvas, rect_top(&area, 1));
    if (wide) {
        const struct section side[] = {{gates_section, gates, gates, 1, false},
                                       {attempt_section, 5, attempt, 2, false}};
        const struct section rest[] = {{reason_section, reason, reason, 0, false},
                                       {plan_section, 2, 2, 2, false},
                                       {work_section, 4, 4, 3, false},
                                       {lag_section, 4, 14, 4, false}};
        own_events_section(&view, canvas, rect_bottom(&area, area.h > 24 ? area.h - 22 : area.h / 5));
        right.y = area.y;
        right.h = area.h;
        right.x = area.x + area.w - right.w;
        area.w -= right.w + 1;
        draw_stack(&view, canvas, area, rest, 4);
        draw_stack(&view, canvas, right, side, 2);
    } else {
        const struct section all[] = {
            {reason_section, reason, reason, 0, false},
            {plan_section, 2, 2, 4, false},
            {gates_section, gates, gates, 2, false},
            {attempt_section, 5, attempt, 3, false},
            {work_section, 4, 4, 5, false},
            {lag_section, 4, 8, 6, false},
            {own_events_section, 2, 3, 7, true},
        };
        draw_stack(&view, canvas, area, all, 7);
    }
}

static void migration_move(struct model *model, struct rect area, int rows)
{
    model->focus = model->fleet.selected; /* its last hour is wanted */
    /* up and down go to the neighbour in the fleet's order */
    if (rows != 0)
        screen_fleet.move(model, area, rows);
}

const struct screen screen_migration = {
    .title = "Migration",
    .key = '2',
    .help = "one migration: plan, lag, gates, the last cutover step by step",
    .draw = migration_draw,
    .move = migration_move,
    .acts = true,
};

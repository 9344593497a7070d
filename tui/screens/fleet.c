/* Screen 1: every migration in one table, counts per state above it, the latest events below. */
#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "view/attempt.h"
#include "screens/events.h"
#include "view/fleet_order.h"
#include "view/states.h"
#include "terminal/keys.h"
#include "widgets/chart.h"
#include "widgets/format.h"
#include "widgets/table.h"

enum fleet_column {
    COLUMN_GLYPH,
    COLUMN_TENANT,
    COLUMN_PHASE,
    COLUMN_PROGRESS,
    COLUMN_EVENTS,
    COLUMN_RATE,
    COLUMN_LAG,
    COLUMN_SPARK,
    COLUMN_ETA,
    COLUMN_ROUTE,
    COLUMN_NOTE,
};
#define SPARK_MAX 8 /* cells of the columns at their widest */
#define ROUTE_MAX 24
#define IN_SIGHT 300 /* rows of the largest terminal */
#define NOTE_MAX STATE_REASON_MAX
static const struct column columns[] = {
    [COLUMN_GLYPH] = {"", 2, 2, 0, false, false}, /* mark and glyph */
    [COLUMN_TENANT] = {"TENANT", 12, 18, 0, false, false},
    [COLUMN_PHASE] = {"PHASE", 9, 9, 0, false, false},
    [COLUMN_PROGRESS] = {"PROGRESS", 10, 13, 3, false, false},
    [COLUMN_EVENTS] = {"EVENTS", 6, 10, 7, false, true},
    [COLUMN_RATE] = {"EV/S", 5, 5, 5, false, true},
    [COLUMN_LAG] = {"LAG", 5, 6, 2, false, true},
    [COLUMN_SPARK] = {"60s", 6, SPARK_MAX, 6, false, false},
    [COLUMN_ETA] = {"ETA", 4, 5, 4, false, true},
    [COLUMN_ROUTE] = {"FROM → TO", 15, ROUTE_MAX, 8, false, false},
    [COLUMN_NOTE] = {"NOTE", 22, 60, 1, true, false},
};

#define COLUMNS ((int)(sizeof columns / sizeof *columns))

static const struct tmv_gate *first_red_gate(const struct tmv_migration *m)
{
    for (size_t i = 0; i < m->gate_count; i++)
        if (!m->gates[i].green)
            return &m->gates[i];
    return NULL;
}

static void done_note(const struct model *model, const struct tmv_migration *m, char *text, size_t size)
{
    const struct tmv_attempt *attempt = attempt_latest(model->snapshot, &m->id);
    char pause[FORMAT_MAX], clock[FORMAT_MAX];

    if (attempt && attempt->outcome == TMV_ATTEMPT_COMPLETED)
        snprintf(text, size, "writes paused %s at %s", format_duration(attempt->pause_us, pause),
                 format_clock(m->completed_at_us, clock));
    else if (m->completed_at_us > 0)
        snprintf(text, size, "at %s", format_clock(m->completed_at_us, clock));
}

static bool fleet_is_ghost(const struct model *model, const struct tmv_migration *m)
{
    return model->fleet.ghost && tmv_uuid_equal(&m->id, &model->fleet.selected);
}

/* What somebody is about to do to it; else why it is where it is, and since when; else what the state itself
 * can say. Empty when there is nothing to say. */
static void note_words(const struct model *model, const struct tmv_migration *m, char text[NOTE_MAX])
{
    const struct tmv_gate *red = first_red_gate(m);

    if (fleet_is_ghost(model, m)) {
        text_copy(text, NOTE_MAX,
                  model_find(model, &m->id) ? "left this list: stays until the cursor moves"
                                            : "gone from this list: stays until the cursor moves");
        return;
    }
    if (model_dialog_words(model, &m->id, text, NOTE_MAX)[0] != '\0')
        return;
    if (m->show == TMV_SHOW_DONE)
        done_note(model, m, text, NOTE_MAX);
    else if (state_reason(m, model_database_now_us(model), text)[0] != '\0')
        return;
    else if (m->show == TMV_SHOW_SYNC && red)
        snprintf(text, NOTE_MAX, "%s%s%s", red->name, red->seen[0] ? ": " : "", red->seen);
    else if (m->show == TMV_SHOW_READY)
        snprintf(text, NOTE_MAX, "every gate is green");
    else
        text_copy(text, NOTE_MAX, m->step);
}

static void progress_cell(const struct tmv_migration *m, struct canvas *canvas, struct rect cell)
{
    struct rect bar = cell, figure = cell;
    char text[16];

    snprintf(text, sizeof text, "%d%%", m->percent < 0 ? 0 : m->percent > 100 ? 100 : m->percent);
    bar.w = cell.w - 5;
    figure.x = cell.x + cell.w - 4;
    figure.w = 4;
    chart_bar(canvas, bar, m->percent);
    canvas_fit_right(canvas, figure, ROLE_TEXT, text);
}

/* The last minute, its seconds in groups that begin at round times: a group keeps its cell until the next one
 * begins, so that a picture that says nothing new is not written again each second. The line ends now: while
 * the lag is not known there is none, or what was known would move through it, a cell for each group. */
static void spark_cell(const struct tmv_migration *m, struct canvas *canvas, struct rect cell)
{
    const struct tmv_sample *samples = m->samples;
    size_t count = m->sample_count > TMV_SAMPLES_MAX ? TMV_SAMPLES_MAX : m->sample_count;
    int64_t lags[SPARK_MAX], step_us;
    int width = cell.w > SPARK_MAX ? SPARK_MAX : cell.w, first = width;

    if (width < 1 || count == 0 || m->lag_us < 0)
        return;
    step_us = (TMV_SAMPLES_MAX + width - 1) / width * INT64_C(1000000);
    for (int i = 0; i < width; i++)
        lags[i] = -1;
    for (size_t i = 0; i < count; i++) {
        int64_t age = samples[count - 1].at_us / step_us - samples[i].at_us / step_us;
        int at = width - 1 - (int)age;
        if (age < 0 || age >= width) /* what was sampled while a clock was put back */
            continue;
        lags[at] = samples[i].lag_us > lags[at] ? samples[i].lag_us : lags[at];
        first = at < first ? at : first;
    }
    cell.w = width;
    chart_spark(canvas, cell, lags + first, (size_t)(width - first), m->lag_gate_us);
}

/* Whether rate, lag and time left mean anything in this state. */
static bool is_live(const struct tmv_migration *m)
{
    return !tmv_phase_is_terminal(m->phase) && m->phase != TMV_PHASE_PENDING;
}

static void number_cell(const struct tmv_migration *m, int column, struct canvas *canvas, struct rect cell)
{
    char text[FORMAT_MAX] = "";

    if (column == COLUMN_EVENTS)
        format_grouped(m->events_copied, text);
    if (column == COLUMN_EVENTS && text_width(text) > cell.w)
        format_count(m->events_copied, text);
    if (is_live(m) && column == COLUMN_RATE)
        format_count(m->rate, text);
    if ((is_live(m) || m->held) && column == COLUMN_LAG)
        format_short(m->lag_us, text);
    if (is_live(m) && column == COLUMN_ETA && m->eta_us >= 0)
        format_short(m->eta_us, text);
    canvas_fit_right(canvas, cell, ROLE_TEXT, text);
}

static const char *route_words(const struct tmv_migration *m, char *text, size_t size)
{
    snprintf(text, size, "%.60s → %.60s", m->source, m->target);
    return text;
}

static void fleet_cell(void *user, int row, int column, struct canvas *canvas, struct rect cell)
{
    const struct model *model = user;
    const struct tmv_migration *m = model_row(model, row);
    const struct state_look *look = state_look(m->show);
    char text[NOTE_MAX];

    switch ((enum fleet_column)column) {
    case COLUMN_GLYPH:
        canvas_text(canvas, cell, 0, ROLE_MARK, model_is_marked(model, &m->id) ? "*" : " ");
        canvas_text(canvas, cell, 1, look->role, look->glyph);
        break;
    case COLUMN_TENANT:
        tenant_cell(model, &m->tenant, canvas, cell);
        break;
    case COLUMN_PHASE:
        canvas_fit(canvas, cell, look->role, look->word);
        break;
    case COLUMN_PROGRESS:
        progress_cell(m, canvas, cell);
        break;
    case COLUMN_SPARK:
        if (is_live(m))
            spark_cell(m, canvas, cell);
        break;
    case COLUMN_ROUTE:
        canvas_fit(canvas, cell, ROLE_TEXT_DIM, route_words(m, text, sizeof text));
        break;
    case COLUMN_NOTE:
        note_words(model, m, text);
        canvas_fit(canvas, cell, ROLE_TEXT, text);
        break;
    case COLUMN_EVENTS:
    case COLUMN_RATE:
    case COLUMN_LAG:
    case COLUMN_ETA:
        number_cell(m, column, canvas, cell);
        break;
    }
}

static void counts_line(const struct model *model, struct canvas *canvas, struct rect area)
{
    static const enum tmv_display_state shown[] = {
        TMV_SHOW_FAILED,  TMV_SHOW_ORPHAN, TMV_SHOW_CUTOVER, TMV_SHOW_PAUSED, TMV_SHOW_THROTTLED,
        TMV_SHOW_WAITING, TMV_SHOW_READY,  TMV_SHOW_SYNC,    TMV_SHOW_COPY,   TMV_SHOW_PENDING,
        TMV_SHOW_HOLD,    TMV_SHOW_DONE,   TMV_SHOW_ABORTED,
    };
    struct line line = line_begin(canvas, area);

    line_put(&line, ROLE_TEXT, " ");
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        const struct state_look *look = state_look(shown[i]);
        int64_t count = snapshot_count(model->snapshot, shown[i]);
        char text[64];
        if (count == 0)
            continue;
        snprintf(text, sizeof text, "%s %s %lld", look->glyph, look->count, (long long)count);
        if (text_width(text) + 3 > line.rest.w)
            break;
        line_put(&line, look->role, text);
        line_put(&line, ROLE_TEXT, "   ");
    }
}

static void list_line(const struct model *model, struct canvas *canvas, struct rect area)
{
    const struct fleet_state *fleet = &model->fleet;
    struct line line = line_begin(canvas, area);
    int passing = fleet->shown - fleet->ghost;
    long long left_out = model->snapshot->migration_total - (long long)model->snapshot->migration_count;
    char text[80];

    snprintf(text, sizeof text, "%d of %zu ", passing, model->snapshot->migration_count);
    if (left_out > 0) /* what is not here is neither shown, nor counted, nor found */
        snprintf(text, sizeof text, "%d of %zu loaded; %lld are not ", passing,
                 model->snapshot->migration_count, left_out);
    line_try_right(&line, left_out > 0 ? ROLE_LEVEL_WARN : ROLE_TEXT_DIM, text);
    snprintf(text, sizeof text, " %d marked · ", fleet->mark_count);
    if (fleet->mark_count > 0)
        line_try_right(&line, ROLE_MARK, text);
    line_put(&line, ROLE_TEXT_DIM, " sort: ");
    line_put(&line, ROLE_TEXT, fleet_sort_name(fleet->sort));
    if (fleet->reverse)
        line_put(&line, ROLE_TEXT, " (reversed)");
    if (model->only_problems)
        line_put(&line, ROLE_LEVEL_WARN, "   only problems");
    line_put(&line, ROLE_TEXT_DIM, "   filter: ");
    if (fleet->filter[0] == '\0')
        line_put(&line, ROLE_TEXT_DIM, "(none)");
    else
        line_put(&line, fleet->filter_problem[0] ? ROLE_INPUT_BAD : ROLE_MATCH, fleet->filter);
    if (fleet->filter_problem[0] != '\0')
        line_putf(&line, ROLE_LEVEL_WARN, "  %s", fleet->filter_problem);
}

/* What stands in the place of the table when it has no rows. */
static void empty_words(const struct model *model, struct canvas *canvas, struct rect area)
{
    const char *words = "Waiting for the first picture of the control database …", *hint = "";

    if (!model->snapshot && model->link_error[0] != '\0') {
        words = model->link_error;
        hint = model->link_hint;
    } else if (model->snapshot && model->snapshot->migration_count == 0) {
        words = "No migration yet.";
        hint = "Start one with: tenantmv start TENANT --to STORE";
    } else if (model->snapshot && model->only_problems && model->fleet.filter[0] == '\0') {
        words = "Every migration is well.";
    } else if (model->snapshot) {
        words = "No migration passes the filter.";
        hint = "Esc shows all of them again.";
    }
    area.x += 2;
    area.w -= 4;
    rect_top(&area, area.h > 4 ? 1 : 0);
    rect_top(&area, canvas_wrap(canvas, area, ROLE_TEXT_STRONG, words));
    canvas_wrap(canvas, area, ROLE_HINT, hint);
}

/* A cut route does not say where to: the column is as wide as the widest, or it leaves. */
static void fit_routes(const struct model *model, struct column *route)
{
    char text[160];

    for (int i = 0; i < model->fleet.shown; i++) {
        int width = text_width(route_words(model_row(model, i), text, sizeof text));
        route->least = width > route->least ? width : route->least;
    }
    route->least = route->least > ROUTE_MAX ? ROUTE_MAX : route->least;
    route->want = route->least;
}

/* A cut beginning of a tenant's UUID is that of another one: those in sight are not cut. */
static void fit_beginnings(const struct model *model, struct column *tenant)
{
    const struct fleet_state *fleet = &model->fleet;

    for (int i = fleet->top; i < fleet->shown && i < fleet->top + IN_SIGHT; i++)
        tenant_fit(model, &model_row(model, i)->tenant, &tenant->least);
    tenant->want = tenant->least > tenant->want ? tenant->least : tenant->want;
}

/* The columns as `w` wants them. */
static void widen(const struct model *model, struct column wanted[COLUMNS])
{
    const struct fleet_state *fleet = &model->fleet;
    char name[TENANT_NAME_MAX];

    memcpy(wanted, columns, sizeof columns);
    fit_routes(model, &wanted[COLUMN_ROUTE]);
    fit_beginnings(model, &wanted[COLUMN_TENANT]);
    for (int i = 0; fleet->width == FLEET_NAMES && i < fleet->shown; i++) {
        int width = text_width(tenant_name(&model->names, &model_row(model, i)->tenant, name));
        struct column *tenant = &wanted[COLUMN_TENANT];
        tenant->least = width > tenant->least ? width : tenant->least;
        tenant->want = tenant->least > tenant->want ? tenant->least : tenant->want;
    }
    for (int i = 0, left = fleet->shift; i < COLUMNS; i++) {
        bool may_leave = columns[i].drop > 1; /* the note stays */
        if (may_leave && (fleet->width == FLEET_NOTES || left > 0))
            wanted[i].least = wanted[i].want = 0;
        left -= may_leave;
    }
}

/* The parts of the screen; a height of 0: it left. */
struct parts {
    struct rect table, whole, events;
};

/* The note of the row under the cursor. */
static void selected_note(const struct model *model, char text[NOTE_MAX])
{
    int row = model->fleet.selected_row;

    text[0] = '\0';
    if (row >= 0 && row < model->fleet.shown)
        note_words(model, model_row(model, row), text);
}

/* The rows of each part; the table gets the larger share, and everything when it is small. A note that its
 * cell cuts has rows of its own under the table. */
static void split(const struct model *model, const struct column wanted[COLUMNS], struct rect area,
                  struct parts *ret_parts)
{
    int rows = model->fleet.shown + 1, spare, whole;
    char note[NOTE_MAX];

    if (!model->zoom)
        rect_top(&area, area.h >= 8 ? 2 : 0);
    selected_note(model, note);
    whole = table_whole_rows(wanted, COLUMNS, COLUMN_NOTE, area, note);
    spare = area.h - whole;
    if (spare < 8 || model->zoom)
        ret_parts->events = rect_bottom(&area, 0);
    else
        ret_parts->events = rect_bottom(&area, spare - rows > spare / 3 ? spare - rows - 1 : spare / 3);
    ret_parts->whole = rect_bottom(&area, whole);
    ret_parts->table = area;
}

/* One column further to the right or back, as far as there are some. */
static void shift(struct fleet_state *fleet, int by)
{
    int most = -1; /* the last that can leave is looked at, too */

    for (int i = 0; i < COLUMNS; i++)
        most += columns[i].drop > 1;
    fleet->shift += by;
    fleet->shift = fleet->shift < 0 ? 0 : fleet->shift > most ? most : fleet->shift;
}

static void fleet_draw(const struct model *model, struct canvas *canvas, struct rect area)
{
    struct column wanted[COLUMNS];
    struct rect top = area;
    struct parts parts;
    char note[NOTE_MAX];
    struct table table = {
        wanted, COLUMNS, model->fleet.shown, model->fleet.top, model->fleet.selected_row, fleet_cell, NULL};

    if (!model->snapshot || model->fleet.shown == 0) {
        if (model->snapshot && area.h > 3)
            list_line(model, canvas, rect_top(&area, 1));
        empty_words(model, canvas, area);
        return;
    }
    widen(model, wanted);
    split(model, wanted, area, &parts);
    if (area.h >= 8 && !model->zoom) {
        counts_line(model, canvas, rect_top(&top, 1));
        list_line(model, canvas, rect_top(&top, 1));
    }
    table.user = (void *)(uintptr_t)model; /* the cells only read it */
    table_draw(canvas, parts.table, &table);
    selected_note(model, note);
    if (parts.whole.h > 0)
        table_whole_draw(canvas, parts.whole, note);
    events_draw(model, canvas, parts.events, NULL);
}

/* Another screen may have put the cursor on a migration: its row, or a ghost's, is the selected one here. */
static void follow_selection(struct model *model)
{
    struct fleet_state *fleet = &model->fleet;
    int row = fleet->selected_row;

    if (row >= 0 && row < fleet->shown && tmv_uuid_equal(&fleet->ids[row], &fleet->selected))
        return;
    row = fleet_row_of(fleet, &fleet->selected);
    if (row >= 0)
        fleet->selected_row = row;
    else if (!tmv_uuid_is_nil(&fleet->selected))
        fleet_order(model, true);
}

static void fleet_move(struct model *model, struct rect area, int rows)
{
    struct fleet_state *fleet = &model->fleet;
    struct column wanted[COLUMNS];
    struct parts parts;
    int row;

    follow_selection(model);
    widen(model, wanted);
    split(model, wanted, area, &parts);
    if (rows == MOVE_PAGE || rows == -MOVE_PAGE)
        rows = rows > 0 ? parts.table.h - 1 : 1 - parts.table.h;
    row = fleet->selected_row + rows - (fleet->ghost && rows > 0); /* the row of a ghost closes behind it */
    if (rows != 0)
        fleet_let_go(fleet);
    row = row >= fleet->shown ? fleet->shown - 1 : row < 0 ? 0 : row;
    fleet->top = table_scroll(fleet->top, row, fleet->shown, parts.table.h - 1);
    if (fleet->shown > 0) {
        fleet->selected_row = row;
        fleet->selected = fleet->ids[row];
    }
}

static bool fleet_take(struct model *model, struct rect area, const struct input *input)
{
    (void)area;
    if (input->kind == INPUT_LEFT || input->kind == INPUT_RIGHT) {
        shift(&model->fleet, input->kind == INPUT_RIGHT ? 1 : -1);
        return true;
    }
    if (input->kind != INPUT_ENTER || model->fleet.shown == 0)
        return false;
    model->go = screen_migration.key;
    return true;
}

static bool fleet_zooms(const struct model *model)
{
    return model->fleet.shown > 0;
}

const struct screen screen_fleet = {
    .title = "Fleet",
    .key = '1',
    .help = "all migrations, trouble first, and the latest events",
    .draw = fleet_draw,
    .move = fleet_move,
    .take = fleet_take,
    .acts = true,
    .zooms = fleet_zooms,
};

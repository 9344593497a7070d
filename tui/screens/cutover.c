/* Screen 3: who may cut over next and what keeps the others, the last cutovers with the time of each step,
 * and how long writers were held. Tab goes from the queue to the cutovers; Enter opens what is under the
 * cursor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "view/attempt.h"
#include "screens/history.h"
#include "view/states.h"
#include "terminal/keys.h"
#include "widgets/chart.h"
#include "widgets/format.h"
#include "widgets/table.h"

#define PLACE 2             /* in the table of screens */
#define QUEUE_MAX FLEET_MAX /* all that a snapshot holds */
#define WHY_MAX (TMV_REASON_MAX + 80)
#define PAUSES_MAX 200

enum pane { PANE_QUEUE, PANE_CUTOVERS, PANES };

/* ---- the queue ---- */

struct queue {
    const struct tmv_migration *rows[QUEUE_MAX + 1];
    int count;
    int ready;
    const struct tmv_migration
        *ghost; /* the row that is no longer in the queue, or not loaded any more; NULL */
};

static int red_gates(const struct tmv_migration *m)
{
    int red = 0;

    for (size_t i = 0; i < m->gate_count; i++)
        red += !m->gates[i].green;
    return red;
}

static int urgency(const struct tmv_migration *m)
{
    return m->show == TMV_SHOW_CUTOVER ? -2 : m->show == TMV_SHOW_READY ? -1 : red_gates(m);
}

static int compare_queue(const void *va, const void *vb)
{
    const struct tmv_migration *a = *(const struct tmv_migration *const *)va;
    const struct tmv_migration *b = *(const struct tmv_migration *const *)vb;

    if (urgency(a) != urgency(b))
        return urgency(a) - urgency(b);
    if (a->dual_write_started_at_us != b->dual_write_started_at_us)
        return a->dual_write_started_at_us < b->dual_write_started_at_us ? -1 : 1;
    return memcmp(&a->id, &b->id, sizeof a->id);
}

static int queue_row(const struct queue *queue, const struct tmv_uuid *id)
{
    for (int i = 0; i < queue->count; i++)
        if (tmv_uuid_equal(&queue->rows[i]->id, id))
            return i;
    return -1;
}

/* The one under the cursor stays in its row when it leaves the queue: another one must not take its place. */
static void keep_ghost(const struct model *model, struct queue *queue)
{
    const struct list_state *list = &model->lists[PLACE];
    const struct tmv_migration *m = model_under_cursor(model);
    int row = list->held_row < queue->count ? list->held_row : queue->count;

    if (!m || list->pane != PANE_QUEUE || !tmv_uuid_equal(&m->id, &list->held) ||
        queue_row(queue, &m->id) >= 0)
        return;
    memmove(queue->rows + row + 1, queue->rows + row, sizeof(*queue->rows) * (size_t)(queue->count - row));
    queue->rows[row] = m;
    queue->count++;
    queue->ghost = m;
}

/* Those that mirror, the ready ones first, longest in dual write before others. */
static void queue_read(const struct model *model, struct queue *queue)
{
    queue->count = queue->ready = 0;
    queue->ghost = NULL;
    for (size_t i = 0; model->snapshot && i < model->snapshot->migration_count; i++) {
        const struct tmv_migration *m = &model->snapshot->migrations[i];
        if ((m->phase != TMV_PHASE_DUAL_WRITE && m->phase != TMV_PHASE_CUTOVER) || queue->count == QUEUE_MAX)
            continue;
        queue->rows[queue->count++] = m;
        queue->ready += m->show == TMV_SHOW_READY;
    }
    qsort(queue->rows, (size_t)queue->count, sizeof *queue->rows, compare_queue);
    keep_ghost(model, queue);
}

enum queue_column { Q_GLYPH, Q_TENANT, Q_STATE, Q_PAUSE, Q_LAG, Q_SINCE, Q_ROUTE, Q_WHY };
static const struct column queue_columns[] = {
    [Q_GLYPH] = {"", 1, 1, 0, false, false},
    [Q_TENANT] = {"TENANT", 12, 18, 0, false, false},
    [Q_STATE] = {"STATE", 7, 9, 2, false, false},
    [Q_PAUSE] = {"PREDICTED", 9, 9, 1, false, true},
    [Q_LAG] = {"LAG", 6, 7, 3, false, true},
    [Q_SINCE] = {"SYNC FOR", 8, 8, 4, false, true},
    [Q_ROUTE] = {"FROM → TO", 15, 28, 5, false, false},
    [Q_WHY] = {"GATES", 18, 50, 0, true, false},
};

#define QUEUE_COLUMNS ((int)(sizeof queue_columns / sizeof *queue_columns))

static void why_words(const struct queue *queue, int row, char *text, size_t size)
{
    const struct tmv_migration *m = queue->rows[row];
    int red = red_gates(m);
    char more[64] = "";
    size_t i = 0;

    while (i < m->gate_count && m->gates[i].green)
        i++;
    if (m == queue->ghost)
        snprintf(text, size, "left the queue; stays until the cursor moves");
    else if (m->paused)
        snprintf(text, size, "paused%s%s", m->pause_reason[0] ? ": " : "", m->pause_reason);
    else if (m->gate_count == 0)
        snprintf(text, size, "not looked at yet");
    else if (red == 0)
        snprintf(text, size, "all %zu green", m->gate_count);
    else {
        if (red > 1)
            snprintf(more, sizeof more, "; %d of %zu gates are red", red, m->gate_count);
        snprintf(text, size, "%s %s%s", m->gates[i].name, m->gates[i].seen, more);
    }
}

/* What the queue's cells need. */
struct queue_view {
    const struct model *model;
    struct queue queue;
};

static void queue_cell(void *user, int row, int column, struct canvas *canvas, struct rect cell)
{
    const struct queue_view *view = user;
    const struct model *model = view->model;
    const struct tmv_migration *m = view->queue.rows[row];
    const struct state_look *look = state_look(m->show);
    char text[WHY_MAX + TMV_NAME_MAX];

    switch ((enum queue_column)column) {
    case Q_GLYPH:
        canvas_text(canvas, cell, 0, look->role, look->glyph);
        break;
    case Q_TENANT:
        tenant_cell(model, &m->tenant, canvas, cell);
        break;
    case Q_STATE:
        canvas_fit(canvas, cell, look->role, look->word);
        break;
    case Q_PAUSE:
        canvas_fit_right(canvas, cell, ROLE_TEXT, format_duration(m->predicted_pause_us, text));
        break;
    case Q_LAG:
        canvas_fit_right(canvas, cell, m->lag_us > m->lag_gate_us ? ROLE_LEVEL_WARN : ROLE_TEXT,
                         format_duration(m->lag_us, text));
        break;
    case Q_SINCE:
        canvas_fit_right(canvas, cell, ROLE_TEXT,
                         format_short(m->dual_write_started_at_us > 0
                                          ? model_database_now_us(model) - m->dual_write_started_at_us
                                          : -1,
                                      text));
        break;
    case Q_ROUTE:
        snprintf(text, sizeof text, "%.60s → %.60s", m->source, m->target);
        canvas_fit(canvas, cell, ROLE_TEXT_DIM, text);
        break;
    case Q_WHY:
        why_words(&view->queue, row, text, sizeof text);
        canvas_fit(canvas, cell, m->show == TMV_SHOW_READY ? ROLE_TEXT : ROLE_LEVEL_WARN, text);
        break;
    }
}

/* ---- the cutovers ---- */

enum cutover_column {
    C_GLYPH,
    C_AT,
    C_TENANT,
    C_NUMBER,
    C_OUTCOME,
    C_LOCK,
    C_DRAIN,
    C_DECIDE,
    C_PAUSE,
    C_BY,
    C_WHY
};
static const struct column cutover_columns[] = {
    [C_GLYPH] = {"", 1, 1, 0, false, false},
    [C_AT] = {"AT", 9, 9, 1, false, false},
    [C_TENANT] = {"TENANT", 10, 18, 0, false, false},
    [C_NUMBER] = {"#", 2, 3, 6, false, true},
    [C_OUTCOME] = {"OUTCOME", 11, 12, 3, false, false},
    [C_LOCK] = {"LOCK", 6, 7, 4, false, true},
    [C_DRAIN] = {"DRAIN", 6, 7, 4, false, true},
    [C_DECIDE] = {"DECIDE", 6, 7, 4, false, true},
    [C_PAUSE] = {"PAUSE", 7, 7, 0, false, true},
    [C_BY] = {"BY", 6, 10, 7, false, false},
    [C_WHY] = {"WHY", 10, 40, 5, true, false},
};

#define CUTOVER_COLUMNS ((int)(sizeof cutover_columns / sizeof *cutover_columns))

static void step_cell(int64_t us, struct canvas *canvas, struct rect cell)
{
    char text[FORMAT_MAX];

    canvas_fit_right(canvas, cell, us > 0 ? ROLE_TEXT : ROLE_TEXT_DIM,
                     format_duration(us > 0 ? us : -1, text));
}

static void words_cell(const struct model *model, const struct tmv_attempt *a, int column,
                       struct canvas *canvas, struct rect cell)
{
    const struct tmv_migration *m = model_find(model, &a->migration);
    char text[TENANT_NAME_MAX], outcome[32];

    if (column == C_AT)
        canvas_fit(canvas, cell, ROLE_TEXT_DIM, format_clock(a->started_at_us, text));
    else if (column == C_TENANT)
        canvas_fit(canvas, cell, ROLE_TEXT_STRONG, m ? tenant_name(&model->names, &m->tenant, text) : "—");
    else if (column == C_OUTCOME)
        canvas_fit(canvas, cell, attempt_role(a), attempt_outcome(a, outcome));
    else if (column == C_BY)
        canvas_fit(canvas, cell, ROLE_TEXT_DIM, a->requested_by);
    else if (column == C_WHY)
        canvas_fit(canvas, cell, attempt_went_well(a) ? ROLE_TEXT_DIM : ROLE_LEVEL_WARN, a->reason);
}

static void cutover_cell(void *user, int row, int column, struct canvas *canvas, struct rect cell)
{
    const struct model *model = user;
    const struct tmv_attempt *a = &model->snapshot->attempts[row];
    char text[FORMAT_MAX];

    switch ((enum cutover_column)column) {
    case C_GLYPH:
        canvas_text(canvas, cell, 0, attempt_role(a), attempt_glyph(a));
        break;
    case C_NUMBER:
        snprintf(text, sizeof text, "%d", a->number);
        canvas_fit_right(canvas, cell, ROLE_TEXT_DIM, text);
        break;
    case C_LOCK:
        step_cell(a->lock_us, canvas, cell);
        break;
    case C_DRAIN:
        step_cell(a->drain_us, canvas, cell);
        break;
    case C_DECIDE:
        step_cell(a->decide_us, canvas, cell);
        break;
    case C_PAUSE:
        canvas_fit_right(canvas, cell, attempt_pause_role(a, model_find(model, &a->migration)),
                         format_duration(a->pause_us > 0 ? a->pause_us : -1, text));
        break;
    case C_AT:
    case C_TENANT:
    case C_OUTCOME:
    case C_BY:
    case C_WHY:
        words_cell(model, a, column, canvas, cell);
        break;
    }
}

static int attempts(const struct model *model)
{
    return model->snapshot ? (int)model->snapshot->attempt_count : 0;
}

/* ---- the whole ---- */

/* Where the parts stand; a height of 0: it left. What the row under the cursor says has rows of its own under
 * the list when its cell cuts it. */
struct parts {
    struct rect queue, cutovers, steps, spread;
    struct rect whole;
    char whole_text[WHY_MAX];
};

/* What the row under the cursor says in the last column of its list. */
static void selected_words(const struct model *model, const struct queue *queue, char text[WHY_MAX])
{
    const struct list_state *list = &model->lists[PLACE];
    int row = list->pane == PANE_QUEUE ? queue_row(queue, &model->fleet.selected) : list->row;

    text[0] = '\0';
    if (list->pane == PANE_QUEUE && row >= 0)
        why_words(queue, row, text, WHY_MAX);
    else if (list->pane == PANE_CUTOVERS && row >= 0 && row < attempts(model))
        text_copy(text, WHY_MAX, model->snapshot->attempts[row].reason);
}

/* The queue's columns: no tenant's beginning is cut. */
static void fit_queue(const struct model *model, const struct queue *queue,
                      struct column ret_columns[QUEUE_COLUMNS])
{
    struct column *tenant = &ret_columns[Q_TENANT];

    memcpy(ret_columns, queue_columns, sizeof queue_columns);
    for (int i = 0; i < queue->count; i++)
        tenant_fit(model, &queue->rows[i]->tenant, &tenant->least);
    tenant->want = tenant->least > tenant->want ? tenant->least : tenant->want;
}

/* Takes the rows for it off the bottom. */
static void split_whole(const struct model *model, const struct queue *queue, struct rect *area,
                        struct parts *parts)
{
    struct column columns[QUEUE_COLUMNS];
    struct rect list = {area->x, area->y, area->w, area->h - 1}; /* a line is the list's title */
    int rows;

    selected_words(model, queue, parts->whole_text);
    fit_queue(model, queue, columns);
    if (model->lists[PLACE].pane == PANE_QUEUE)
        rows = table_whole_rows(columns, QUEUE_COLUMNS, Q_WHY, list, parts->whole_text);
    else
        rows = table_whole_rows(cutover_columns, CUTOVER_COLUMNS, C_WHY, list, parts->whole_text);
    parts->whole = rect_bottom(area, rows);
}

static void split(const struct model *model, struct rect area, struct parts *ret_parts)
{
    const struct list_state *list = &model->lists[PLACE];
    struct queue queue;
    int wanted;

    queue_read(model, &queue);
    memset(ret_parts, 0, sizeof *ret_parts);
    split_whole(model, &queue, &area, ret_parts);
    if (area.h < 14 || model->zoom) { /* one of the two lists */
        ret_parts->queue = list->pane == PANE_QUEUE ? area : (struct rect){0, 0, 0, 0};
        ret_parts->cutovers = list->pane == PANE_QUEUE ? (struct rect){0, 0, 0, 0} : area;
        return;
    }
    wanted = 2 + (queue.count < 1 ? 1 : queue.count);
    ret_parts->queue = rect_top(&area, wanted > area.h / 3 ? area.h / 3 : wanted);
    if (area.h >= 24 && attempts(model) > 0) {
        ret_parts->spread = rect_bottom(&area, 8);
        ret_parts->steps = ret_parts->spread;
        if (area.w >= 110) {
            ret_parts->steps.w = area.w * 6 / 10;
            ret_parts->spread.x += ret_parts->steps.w + 1;
            ret_parts->spread.w -= ret_parts->steps.w + 1;
        } else {
            ret_parts->steps = rect_bottom(&area, ATTEMPT_ROWS);
        }
    } else if (attempts(model) > 0 && area.h >= ATTEMPT_ROWS + 5) {
        ret_parts->steps = rect_bottom(&area, ATTEMPT_ROWS);
    }
    ret_parts->cutovers = area;
}

static void queue_title(const struct model *model, const struct queue *queue, struct canvas *canvas,
                        struct rect line)
{
    bool focus = model->lists[PLACE].pane == PANE_QUEUE;
    long long left_out = model->snapshot->migration_total - (long long)model->snapshot->migration_count;
    char right[160], loaded[60] = "";

    if (left_out > 0) /* they may be ready, or not */
        snprintf(loaded, sizeof loaded, ", %lld not loaded", left_out);
    snprintf(right, sizeof right, "%d ready, %d not yet%s", queue->ready,
             queue->count - queue->ready - (queue->ghost ? 1 : 0), loaded);
    canvas_separator(canvas, line, focus ? "› queue" : "queue", right);
}

static void draw_queue(const struct model *model, struct canvas *canvas, struct rect area)
{
    struct queue_view view = {.model = model};
    const struct queue *queue = &view.queue;
    bool focus = model->lists[PLACE].pane == PANE_QUEUE;
    struct column columns[QUEUE_COLUMNS];
    struct table table = {columns, QUEUE_COLUMNS, 0, 0, -1, queue_cell, &view};

    if (area.h < 1)
        return;
    queue_read(model, &view.queue);
    queue_title(model, queue, canvas, rect_top(&area, 1));
    if (queue->count == 0) {
        canvas_fit(canvas, rect_top(&area, 1), ROLE_TEXT_DIM,
                   "  Nothing mirrors now: a migration is listed here once its history is copied.");
        return;
    }
    fit_queue(model, queue, columns);
    table.rows = queue->count;
    table.selected = focus ? queue_row(queue, &model->fleet.selected) : -1;
    table.top = table_scroll(0, table.selected, queue->count, area.h - 1);
    table_draw(canvas, area, &table);
}

static void draw_cutovers(const struct model *model, struct canvas *canvas, struct rect area)
{
    const struct list_state *list = &model->lists[PLACE];
    bool focus = list->pane == PANE_CUTOVERS;
    struct table table = {cutover_columns,        CUTOVER_COLUMNS, attempts(model),         list->top,
                          focus ? list->row : -1, cutover_cell,    (void *)(uintptr_t)model};
    int64_t pauses[PAUSES_MAX];
    size_t count = attempt_pauses(model, pauses, PAUSES_MAX);
    char right[160] = "", p50[FORMAT_MAX], p95[FORMAT_MAX], p99[FORMAT_MAX], max[FORMAT_MAX];

    if (area.h < 1)
        return;
    if (count > 0)
        snprintf(right, sizeof right, "p50 %s  p95 %s  p99 %s  max %s",
                 format_duration(chart_percentile(pauses, count, 50), p50),
                 format_duration(chart_percentile(pauses, count, 95), p95),
                 format_duration(chart_percentile(pauses, count, 99), p99),
                 format_duration(chart_percentile(pauses, count, 100), max));
    canvas_separator(canvas, rect_top(&area, 1), focus ? "› last cutovers" : "last cutovers", right);
    if (attempts(model) == 0) {
        canvas_fit(canvas, rect_top(&area, 1), ROLE_TEXT_DIM,
                   "  None yet: each attempt is listed here with the time of its steps.");
        return;
    }
    table_draw(canvas, area, &table);
}

static void draw_spread(const struct model *model, struct canvas *canvas, struct rect area)
{
    int64_t pauses[PAUSES_MAX];
    size_t count = attempt_pauses(model, pauses, PAUSES_MAX);
    char title[80];

    if (area.h < 2)
        return;
    snprintf(title, sizeof title, "how long writes were held");
    canvas_separator(canvas, rect_top(&area, 1), title, "");
    if (count == 0)
        canvas_fit(canvas, rect_top(&area, 1), ROLE_TEXT_DIM, "  no cutover went through yet");
    chart_histogram(canvas, area, pauses, count);
}

static const struct tmv_attempt *selected_attempt(const struct model *model)
{
    const struct list_state *list = &model->lists[PLACE];

    return list->row >= 0 && list->row < attempts(model) ? &model->snapshot->attempts[list->row] : NULL;
}

static void cutover_draw(const struct model *model, struct canvas *canvas, struct rect area)
{
    const struct tmv_attempt *attempt = selected_attempt(model);
    struct parts parts;

    if (!model->snapshot) {
        canvas_fit(canvas, rect_top(&area, 1), ROLE_TEXT_DIM, "  Waiting for the first picture …");
        return;
    }
    split(model, area, &parts);
    draw_queue(model, canvas, parts.queue);
    draw_cutovers(model, canvas, parts.cutovers);
    if (parts.whole.h > 0)
        table_whole_draw(canvas, parts.whole, parts.whole_text);
    if (attempt && parts.steps.h > 0)
        attempt_draw(model, attempt, canvas, parts.steps);
    draw_spread(model, canvas, parts.spread);
}

/* ---- moving ---- */

static int clamp(int row, int count)
{
    return row >= count ? (count > 0 ? count - 1 : 0) : row < 0 ? 0 : row;
}

/* The cursor follows its attempt when newer ones come in above it. */
static void follow_attempt(const struct model *model, struct list_state *list)
{
    for (int i = 0; i < attempts(model); i++) {
        const struct tmv_attempt *a = &model->snapshot->attempts[i];
        if (a->number == list->number && tmv_uuid_equal(&a->migration, &list->id))
            list->row = i;
    }
}

static void move_cutovers(struct model *model, struct rect area, int rows)
{
    struct list_state *list = &model->lists[PLACE];

    if (list->row > 0 || list->pane == PANE_CUTOVERS) /* at the top, and not looked at: the newest stays */
        follow_attempt(model, list);
    if (rows == MOVE_PAGE || rows == -MOVE_PAGE)
        rows = rows > 0 ? area.h - 2 : 2 - area.h;
    list->row = clamp(list->row + rows, attempts(model));
    list->top = table_scroll(list->top, list->row, attempts(model), area.h - 2);
    if (attempts(model) == 0)
        return;
    list->id = model->snapshot->attempts[list->row].migration;
    list->number = model->snapshot->attempts[list->row].number;
}

static void move_queue(struct model *model, struct rect area, int rows)
{
    struct list_state *list = &model->lists[PLACE];
    struct queue queue;
    int row;

    queue_read(model, &queue);
    if (queue.count == 0)
        return;
    row = queue_row(&queue, &model->fleet.selected);
    if (rows == MOVE_PAGE || rows == -MOVE_PAGE)
        rows = rows > 0 ? area.h - 2 : 2 - area.h;
    row = clamp((row < 0 ? 0 : row) + rows, queue.count);
    model->fleet.selected = list->held = queue.rows[row]->id;
    list->held_row = row;
}

static void cutover_move(struct model *model, struct rect area, int rows)
{
    struct list_state *list = &model->lists[PLACE];
    struct parts parts;
    struct queue queue;

    split(model, area, &parts);
    queue_read(model, &queue);
    if (list->pane == PANE_QUEUE)
        move_queue(model, parts.queue, rows);
    move_cutovers(model, parts.cutovers, list->pane == PANE_CUTOVERS ? rows : 0);
    if (list->pane == PANE_CUTOVERS && attempts(model) > 0)
        model->fleet.selected = list->id;
    model->no_subject = list->pane == PANE_QUEUE ? queue.count == 0 : attempts(model) == 0;
}

static bool cutover_take(struct model *model, struct rect area, const struct input *input)
{
    struct list_state *list = &model->lists[PLACE];

    (void)area;
    if (input->kind == INPUT_TAB || input->kind == INPUT_BACKTAB) {
        list->pane = (list->pane + 1) % PANES;
        return true;
    }
    if (input->kind != INPUT_ENTER || model->no_subject)
        return false;
    model->go = screen_migration.key;
    if (list->pane == PANE_CUTOVERS)
        history_open(model, &list->id, list->number);
    return true;
}

static const char *const keys[] = {"Enter", "open", "Tab", "other list", NULL};

static bool cutover_offers(const struct model *model, const char *key)
{
    if (strcmp(key, "Enter") == 0)
        return !model->no_subject;
    return model->snapshot;
}

static bool cutover_zooms(const struct model *model)
{
    return model->snapshot;
}

const struct screen screen_cutover = {
    .title = "Cutover",
    .key = '3',
    .help = "who is ready, the last cutovers step by step, how long writes were held",
    .draw = cutover_draw,
    .move = cutover_move,
    .take = cutover_take,
    .keys = keys,
    .offers = cutover_offers,
    .acts = true,
    .zooms = cutover_zooms,
};

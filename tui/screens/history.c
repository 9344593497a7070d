/* Screen 6: past migrations and every attempt to cut over, newest first. Enter opens the report of a
 * migration, or shows a cutover again step by step from its stored record. */
#include "screens/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/attempt.h"
#include "screens/replay.h"
#include "screens/report.h"
#include "view/states.h"
#include "terminal/keys.h"
#include "widgets/format.h"
#include "widgets/table.h"

#define PLACE 5          /* in the table of screens */
#define ATTEMPTS_MAX 200 /* the latest: a snapshot holds no more */
#define ITEMS_MAX (FLEET_MAX + ATTEMPTS_MAX)

/* A row: a migration that ended, or an attempt. */
struct item {
    const struct tmv_migration *m; /* of the attempt too; NULL: the snapshot has it no more */
    const struct tmv_attempt *a;   /* NULL: the migration itself */
    int64_t at_us;
};
struct items {
    struct item rows[ITEMS_MAX];
    int count;
    const struct model *model;
};

static int compare_items(const void *va, const void *vb)
{
    const struct item *a = va, *b = vb;

    if (a->at_us != b->at_us)
        return a->at_us > b->at_us ? -1 : 1;
    return (a->a ? 1 : 0) - (b->a ? 1 : 0); /* the migration stands above its last cutover */
}

static void items_read(const struct model *model, struct items *items)
{
    const struct tmv_snapshot *s = model->snapshot;

    items->count = 0;
    items->model = model;
    for (size_t i = 0; s && i < s->migration_count && items->count < ITEMS_MAX; i++)
        if (tmv_phase_is_terminal(s->migrations[i].phase))
            items->rows[items->count++] =
                (struct item){&s->migrations[i], NULL, s->migrations[i].completed_at_us};
    for (size_t i = 0; s && i < s->attempt_count && items->count < ITEMS_MAX; i++)
        items->rows[items->count++] = (struct item){model_find(model, &s->attempts[i].migration),
                                                    &s->attempts[i], s->attempts[i].started_at_us};
    qsort(items->rows, (size_t)items->count, sizeof *items->rows, compare_items);
}

static const struct tmv_uuid *item_id(const struct item *item)
{
    return item->a ? &item->a->migration : &item->m->id;
}

static int64_t item_number(const struct item *item)
{
    return item->a ? item->a->number : 0;
}

/* ---- the list ---- */

enum item_column { I_GLYPH, I_AT, I_TENANT, I_WHAT, I_OUTCOME, I_TOOK, I_EVENTS, I_ROUTE, I_BY, I_WHY };
static const struct column columns[] = {
    [I_GLYPH] = {"", 1, 1, 0, false, false},
    [I_AT] = {"ENDED", 9, 20, 1, false, false},
    [I_TENANT] = {"TENANT", 10, 18, 0, false, false},
    [I_WHAT] = {"WHAT", 12, 13, 0, false, false},
    [I_OUTCOME] = {"OUTCOME", 11, 12, 2, false, false},
    [I_TOOK] = {"TOOK", 7, 7, 0, false, true},
    [I_EVENTS] = {"EVENTS", 7, 11, 4, false, true},
    [I_ROUTE] = {"FROM → TO", 15, 28, 6, false, false},
    [I_BY] = {"BY", 5, 10, 5, false, false},
    [I_WHY] = {"WHY", 12, 40, 3, true, false},
};

#define COLUMNS ((int)(sizeof columns / sizeof *columns))

/* Why it ended so; "" when there is nothing to say. */
static const char *why_words(const struct item *item)
{
    if (item->a)
        return item->a->reason;
    return !item->m || item->m->phase == TMV_PHASE_COMPLETED ? "" : item->m->last_error;
}

static void migration_cell(const struct item *item, int column, struct canvas *canvas, struct rect cell)
{
    const struct tmv_migration *m = item->m;
    char text[FORMAT_MAX];

    if (!m) /* an item of this kind has one */
        return;
    const struct state_look *look = state_look(m->show);

    if (column == I_GLYPH)
        canvas_text(canvas, cell, 0, look->role, look->glyph);
    else if (column == I_WHAT)
        canvas_fit(canvas, cell, ROLE_TEXT, "migration");
    else if (column == I_OUTCOME)
        canvas_fit(canvas, cell, look->role, tmv_phase_name(m->phase));
    else if (column == I_TOOK)
        canvas_fit_right(canvas, cell, ROLE_TEXT,
                         format_duration(m->completed_at_us > 0 && m->created_at_us > 0
                                             ? m->completed_at_us - m->created_at_us
                                             : -1,
                                         text));
    else if (column == I_EVENTS)
        canvas_fit_right(canvas, cell, ROLE_TEXT, format_grouped(m->events_copied, text));
    else if (column == I_BY)
        canvas_fit(canvas, cell, ROLE_TEXT_DIM, m->created_by);
    else if (column == I_WHY)
        canvas_fit(canvas, cell, m->show == TMV_SHOW_FAILED ? ROLE_LEVEL_CRIT : ROLE_TEXT, why_words(item));
}

static void attempt_cell(const struct item *item, int column, struct canvas *canvas, struct rect cell)
{
    const struct tmv_attempt *a = item->a;
    char text[FORMAT_MAX];

    if (column == I_GLYPH)
        canvas_text(canvas, cell, 0, attempt_role(a), attempt_glyph(a));
    else if (column == I_WHAT) {
        snprintf(text, sizeof text, "%s #%d", a->rehearsal ? "rehearsal" : "cutover", a->number);
        canvas_fit(canvas, cell, ROLE_TEXT, text);
    } else if (column == I_OUTCOME)
        canvas_fit(canvas, cell, attempt_role(a), attempt_outcome(a, text));
    else if (column == I_TOOK)
        canvas_fit_right(canvas, cell, attempt_pause_role(a, item->m),
                         format_duration(a->pause_us > 0 ? a->pause_us : -1, text));
    else if (column == I_EVENTS)
        canvas_fit_right(canvas, cell, ROLE_TEXT_DIM, format_grouped(a->drained_events, text));
    else if (column == I_BY)
        canvas_fit(canvas, cell, ROLE_TEXT_DIM, a->requested_by);
    else if (column == I_WHY)
        canvas_fit(canvas, cell, attempt_went_well(a) ? ROLE_TEXT_DIM : ROLE_LEVEL_WARN, why_words(item));
}

static void item_cell(void *user, int row, int column, struct canvas *canvas, struct rect cell)
{
    const struct items *items = user;
    const struct item *item = &items->rows[row];
    char text[TMV_NAME_MAX * 2 + 8];

    if (column == I_AT)
        canvas_fit(canvas, cell, ROLE_TEXT_DIM,
                   cell.w >= 20 ? format_time(item->at_us, text) : format_clock(item->at_us, text));
    else if (column == I_TENANT)
        canvas_fit(canvas, cell, ROLE_TEXT_STRONG,
                   item->m ? tenant_name(&items->model->names, &item->m->tenant, text) : "—");
    else if (column == I_ROUTE && item->m) {
        snprintf(text, sizeof text, "%s → %s", item->m->source, item->m->target);
        canvas_fit(canvas, cell, ROLE_TEXT_DIM, text);
    } else if (item->a)
        attempt_cell(item, column, canvas, cell);
    else
        migration_cell(item, column, canvas, cell);
}

#define COUNT_MAX 40

/* "3", or "3 of 120" when the control database has more than were loaded. */
static const char *count_words(int loaded, int64_t there_are, char text[COUNT_MAX])
{
    if (there_are > loaded)
        snprintf(text, COUNT_MAX, "%d of %lld", loaded, (long long)there_are);
    else
        snprintf(text, COUNT_MAX, "%d", loaded);
    return text;
}

static void counts_line(const struct items *items, struct canvas *canvas, struct rect area)
{
    const struct tmv_snapshot *s = items->model->snapshot;
    struct line line = line_begin(canvas, area);
    char count[COUNT_MAX];
    int moved = 0, ended = 0, went = 0, back = 0, rehearsals = 0;

    for (int i = 0; i < items->count; i++) {
        const struct item *item = &items->rows[i];
        if (!item->a && item->m->phase == TMV_PHASE_COMPLETED)
            moved++;
        else if (!item->a)
            ended++;
        else if (item->a->rehearsal)
            rehearsals++;
        else if (attempt_went_well(item->a))
            went++;
        else
            back++;
    }
    line_putf(&line, ROLE_STATE_DONE, " ✓ %s moved",
              count_words(moved, snapshot_count(s, TMV_SHOW_DONE) + snapshot_count(s, TMV_SHOW_HOLD), count));
    line_putf(
        &line, ended > 0 ? ROLE_LEVEL_WARN : ROLE_TEXT_DIM, "   ✗ %s failed or aborted",
        count_words(ended, snapshot_count(s, TMV_SHOW_FAILED) + snapshot_count(s, TMV_SHOW_ABORTED), count));
    line_putf(&line, ROLE_TEXT,
              s->attempt_count >= ATTEMPTS_MAX ? "   latest cutovers: %d done" : "   cutovers: %d done",
              went);
    line_putf(&line, back > 0 ? ROLE_LEVEL_WARN : ROLE_TEXT_DIM, ", %d not", back);
    line_putf(&line, ROLE_TEXT_DIM, "   rehearsals: %d", rehearsals);
}

struct parts {
    struct rect counts, table, whole; /* a height of 0: it left */
};

/* Why the one under the cursor ended so has rows of its own under the list when its cell cuts it. */
static void split(const struct model *model, const struct items *items, struct rect area,
                  struct parts *ret_parts)
{
    int row = model->lists[PLACE].row;
    const char *why = row < items->count ? why_words(&items->rows[row]) : "";

    ret_parts->counts = rect_top(&area, area.h >= 8 ? 1 : 0);
    ret_parts->whole = rect_bottom(&area, table_whole_rows(columns, COLUMNS, I_WHY, area, why));
    ret_parts->table = area;
}

static void draw_list(const struct model *model, struct canvas *canvas, struct rect area)
{
    const struct list_state *list = &model->lists[PLACE];
    struct items items;
    struct table table = {columns, COLUMNS, 0, list->top, list->row, item_cell, &items};
    struct parts parts;

    items_read(model, &items);
    if (items.count == 0) {
        canvas_wrap(canvas, (struct rect){area.x + 2, area.y + 1, area.w - 4, area.h - 1}, ROLE_TEXT_DIM,
                    !model->snapshot ? "Waiting for the first picture …"
                                     : "Nothing has ended yet, and no cutover was tried.");
        return;
    }
    table.rows = items.count;
    split(model, &items, area, &parts);
    table_draw(canvas, parts.table, &table);
    if (parts.counts.h > 0)
        counts_line(&items, canvas, parts.counts);
    if (parts.whole.h > 0)
        table_whole_draw(canvas, parts.whole, why_words(&items.rows[list->row]));
}

/* ---- what is open ---- */

/* The attempt with the list's identity, from the record or from the snapshot. */
static const struct tmv_attempt *open_attempt(const struct model *model)
{
    const struct list_state *list = &model->lists[PLACE];
    const struct tmv_record *record = model_record(model, &list->id);
    const struct tmv_snapshot *s = model->snapshot;

    for (size_t i = 0; record && i < record->attempt_count; i++)
        if (record->attempts[i].number == list->number)
            return &record->attempts[i];
    for (size_t i = 0; s && i < s->attempt_count; i++)
        if (s->attempts[i].number == list->number && tmv_uuid_equal(&s->attempts[i].migration, &list->id))
            return &s->attempts[i];
    return NULL;
}

static void history_draw(const struct model *model, struct canvas *canvas, struct rect area)
{
    const struct list_state *list = &model->lists[PLACE];
    const struct tmv_migration *m = model_find(model, &list->id);
    const struct tmv_attempt *attempt = list->number > 0 ? open_attempt(model) : NULL;

    if (!list->open)
        draw_list(model, canvas, area);
    else if (attempt)
        replay_draw(model, attempt, list->step, canvas, area);
    else if (m)
        report_draw(model, m, canvas, area, list->step);
    else
        canvas_fit(canvas, rect_top(&area, 1), ROLE_TEXT_DIM,
                   "  It is not in the picture any more. Esc goes back.");
}

/* ---- moving ---- */

void history_open(struct model *model, const struct tmv_uuid *migration, int64_t number)
{
    struct list_state *list = &model->lists[PLACE];

    list->id = *migration;
    list->number = number;
    list->open = true;
    list->step = 0;
    model->go = screen_history.key;
}

/* The cursor follows its item when newer ones come in above it; at the top it stays with the newest. */
static void follow(const struct items *items, struct list_state *list)
{
    for (int i = 0; list->row > 0 && i < items->count; i++)
        if (item_number(&items->rows[i]) == list->number &&
            tmv_uuid_equal(item_id(&items->rows[i]), &list->id)) {
            list->row = i;
            return;
        }
}

static void move_list(struct model *model, struct rect area, int rows)
{
    struct list_state *list = &model->lists[PLACE];
    struct items items;
    struct parts parts;
    int height;

    items_read(model, &items);
    follow(&items, list);
    split(model, &items, area, &parts);
    height = parts.table.h - 1;
    if (rows == MOVE_PAGE || rows == -MOVE_PAGE)
        rows = rows > 0 ? height : -height;
    list->row += rows;
    list->row = list->row >= items.count ? items.count - 1 : list->row;
    list->row = list->row < 0 ? 0 : list->row;
    list->top = table_scroll(list->top, list->row, items.count, height);
    if (items.count == 0)
        return;
    list->id = *item_id(&items.rows[list->row]);
    list->number = item_number(&items.rows[list->row]);
}

static void move_report(struct model *model, struct rect area, int rows)
{
    struct list_state *list = &model->lists[PLACE];
    const struct tmv_migration *m = model_find(model, &list->id);
    struct canvas nothing = {0};
    int lines = m ? report_draw(model, m, &nothing, area, 0) : 0;

    if (rows == MOVE_PAGE || rows == -MOVE_PAGE)
        rows = rows > 0 ? area.h - 1 : 1 - area.h;
    list->step += rows;
    list->step = list->step > lines - area.h ? lines - area.h : list->step;
    list->step = list->step < 0 ? 0 : list->step;
}

static void move_replay(struct list_state *list, int rows)
{
    list->step += rows > 0 ? 1 : rows < 0 ? -1 : 0;
    list->step = list->step < 0 ? 0 : list->step >= REPLAY_STEPS ? REPLAY_STEPS - 1 : list->step;
}

static void history_move(struct model *model, struct rect area, int rows)
{
    struct list_state *list = &model->lists[PLACE];

    if (!list->open)
        move_list(model, area, rows);
    else if (list->number > 0)
        move_replay(list, rows);
    else
        move_report(model, area, rows);
    model->no_subject = true;
    model->focus = list->id; /* read ahead, so that Enter shows it at once */
    model->replaying = list->open && list->number > 0;
}

static void open_selected(struct model *model)
{
    struct list_state *list = &model->lists[PLACE];
    const struct tmv_record *record = model_record(model, &list->id);

    if (!list->open && !tmv_uuid_is_nil(&list->id))
        history_open(model, &list->id, list->number);
    else if (list->open && list->number == 0 && record && record->attempt_count > 0)
        history_open(model, &list->id, record->attempts[0].number);
    else if (list->open && list->number > 0) /* the replay's other side */
        history_open(model, &list->id, 0);
}

static bool history_take(struct model *model, struct rect area, const struct input *input)
{
    struct list_state *list = &model->lists[PLACE];
    bool is_q = input->kind == INPUT_TEXT && strcmp(input->text, "q") == 0;

    if (input->kind == INPUT_ENTER) {
        open_selected(model);
        return true;
    }
    if (!list->open)
        return false;
    if (input->kind == INPUT_ESCAPE || is_q)
        list->open = false;
    else if (input->kind == INPUT_RIGHT)
        history_move(model, area, 1);
    else if (input->kind == INPUT_LEFT)
        history_move(model, area, -1);
    else
        return false;
    return true;
}

static const char *const keys[] = {"Enter", "report, replay", "← →", "steps", NULL};

static bool history_offers(const struct model *model, const char *key)
{
    const struct list_state *list = &model->lists[PLACE];
    const struct tmv_record *record = model_record(model, &list->id);

    if (strcmp(key, "Enter") != 0)
        return list->open && list->number > 0;
    if (list->open && list->number == 0) /* a report: of what a replay could be shown */
        return record && record->attempt_count > 0;
    return !tmv_uuid_is_nil(&list->id);
}

const struct screen screen_history = {
    .title = "History",
    .key = '6',
    .help = "what ended, every cutover; Enter: the report, or the cutover again step by step",
    .draw = history_draw,
    .move = history_move,
    .take = history_take,
    .keys = keys,
    .offers = history_offers,
};

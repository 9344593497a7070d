/* Screen 4: the audit of all migrations, newest first: who did what, and the command line that does the same.
 * The newest entry is followed while the cursor stands on it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/utf8.h"
#include "screens/events.h"
#include "terminal/keys.h"
#include "widgets/format.h"
#include "widgets/table.h"

#define PLACE 3 /* in the table of screens */
#define DAY_US (INT64_C(86400) * 1000000)
#define WRAP_ROWS 4 /* of one entry at most */
#define TIME_COLUMNS 11
#define TENANT_COLUMNS 17

enum prompt { PROMPT_CLOSED, PROMPT_TIME };

/* The entries that pass the filter, newest first. */
struct shown {
    const struct tmv_audit_entry *rows[EVENT_LOG_MAX];
    int count;
};

static const char *name_of(const struct model *model, const struct tmv_audit_entry *entry,
                           char text[TENANT_NAME_MAX])
{
    const struct tmv_migration *m = model_find(model, &entry->migration);

    return m ? tenant_name(&model->names, &m->tenant, text) : "—";
}

/* The words of an entry are made of its details; matching those spares parsing all of them at each drawing.
 */
static bool passes(const struct model *model, const struct tmv_audit_entry *entry, const char *word)
{
    char name[TENANT_NAME_MAX];

    return word[0] == '\0' || fold_find(event_type_words(entry), word) ||
           fold_find(entry->event_type, word) || fold_find(entry->operator_name, word) ||
           fold_find(entry->new_phase, word) || fold_find(entry->details, word) ||
           fold_find(name_of(model, entry, name), word);
}

static void read_shown(const struct model *model, struct shown *shown)
{
    const struct list_state *list = &model->lists[PLACE];

    shown->count = 0;
    for (size_t i = 0; i < model_event_count(model) && shown->count < EVENT_LOG_MAX; i++)
        if (passes(model, model_event(model, i), list->filter))
            shown->rows[shown->count++] = model_event(model, i);
}

/* ---- drawing ---- */

static int entry_rows(const struct tmv_audit_entry *entry, int width, bool wrap)
{
    char text[1024];
    int rows;

    if (!wrap || width < TIME_COLUMNS + TENANT_COLUMNS + 10)
        return 1;
    event_words(entry, text, sizeof text);
    rows = text_width(text) / (width - TIME_COLUMNS - TENANT_COLUMNS - 1) + 1;
    return rows > WRAP_ROWS ? WRAP_ROWS : rows;
}

static int draw_entry(const struct model *model, const struct tmv_audit_entry *entry, struct canvas *canvas,
                      struct rect area)
{
    char text[1024], name[TENANT_NAME_MAX], time[FORMAT_MAX];
    enum role role = event_words(entry, text, sizeof text);
    struct rect words = {area.x + TIME_COLUMNS + TENANT_COLUMNS, area.y,
                         area.w - TIME_COLUMNS - TENANT_COLUMNS - 1, area.h};

    canvas_text(canvas, area, 1, ROLE_TEXT_DIM, format_clock(entry->occurred_at_us, time));
    if (area.w < TIME_COLUMNS + TENANT_COLUMNS + 10) { /* no room for the tenant beside the words */
        words.x = area.x + TIME_COLUMNS;
        words.w = area.w - TIME_COLUMNS;
    } else {
        canvas_fit(canvas, (struct rect){area.x + TIME_COLUMNS, area.y, TENANT_COLUMNS - 1, 1},
                   ROLE_TEXT_STRONG, name_of(model, entry, name));
    }
    return canvas_wrap(canvas, words, role, text);
}

static void draw_list(const struct model *model, const struct shown *shown, struct canvas *canvas,
                      struct rect area)
{
    const struct list_state *list = &model->lists[PLACE];

    for (int i = list->top; i < shown->count && area.h > 0; i++) {
        struct rect place = rect_top(&area, entry_rows(shown->rows[i], area.w, list->wrap));
        draw_entry(model, shown->rows[i], canvas, place);
        if (i != list->row)
            continue;
        canvas_over(canvas, place, ROLE_SELECTION);
        canvas_text(canvas, place, 0, ROLE_MARK, "▌");
    }
}

static void draw_top(const struct model *model, const struct shown *shown, struct canvas *canvas,
                     struct rect area)
{
    const struct list_state *list = &model->lists[PLACE];
    struct line line = line_begin(canvas, area);
    char text[80];

    if (list->pane != PROMPT_CLOSED) {
        line_put(&line, ROLE_KEY, " jump to (14:02): ");
        field_draw(&list->field, canvas, line.rest, true);
        return;
    }
    snprintf(text, sizeof text, "%d of %zu ", shown->count, model_event_count(model));
    line_try_right(&line, ROLE_TEXT_DIM, text);
    line_put(&line, ROLE_TEXT_DIM, " filter: ");
    line_put(&line, list->filter[0] != '\0' ? ROLE_MATCH : ROLE_TEXT_DIM,
             list->filter[0] != '\0' ? list->filter : "(none)");
    if (list->wrap)
        line_try(&line, ROLE_TEXT, "   wrapped");
    if (list->row == 0)
        line_try(&line, ROLE_LEVEL_OK, "   following the newest");
    else
        snprintf(text, sizeof text, "   held: %d newer above, g follows", list->row);
    if (list->row > 0)
        line_try(&line, ROLE_LEVEL_WARN, text);
}

/* The command line that does what an entry records; "" when nobody's hand did it. */
static void command_line(const struct tmv_audit_entry *entry, const char *name, char *text, size_t size)
{
    static const struct {
        const char *type, *format;
    } verbs[] = {
        {"migration_started", "tenantmv start %s --to STORE"},
        {"migration_paused", "tenantmv pause %s"},
        {"migration_resumed", "tenantmv resume %s"},
        {"migration_aborted", "tenantmv abort %s --reason …"},
        {"cutover_initiated", "tenantmv cutover %s"},
        {"verification_started", "tenantmv verify %s"},
    };

    text[0] = '\0';
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        const char *mark = strstr(verbs[i].format, "%s");
        if (entry->operator_name[0] != '\0' && strcmp(verbs[i].type, entry->event_type) == 0)
            snprintf(text, size, "%.*s%s%s", (int)(mark - verbs[i].format), verbs[i].format, name, mark + 2);
    }
}

static void draw_detail(const struct model *model, const struct tmv_audit_entry *entry, struct canvas *canvas,
                        struct rect area)
{
    char text[1024], name[TENANT_NAME_MAX], time[FORMAT_MAX], title[200], command[TENANT_NAME_MAX + 80];
    enum role role = event_words(entry, text, sizeof text);
    struct line line;

    snprintf(title, sizeof title, "%s  %s", format_time(entry->occurred_at_us, time),
             name_of(model, entry, name));
    canvas_separator(canvas, rect_top(&area, 1), title, entry->by_others ? "written by another program" : "");
    command_line(entry, name_of(model, entry, name), command, sizeof command);
    if (command[0] != '\0' && area.h > canvas_wrap_rows(text, area.w - 2)) {
        line = line_begin(canvas, rect_bottom(&area, 1));
        line_put(&line, ROLE_TEXT_DIM, " the same by command line: ");
        line_put(&line, ROLE_KEY, command);
    }
    area.x++;
    area.w -= 2;
    canvas_wrap(canvas, area, role, text);
}

#define LIST_LEAST 3 /* rows that the list keeps, its line of words among them */

/* The entry under the cursor, whole, whatever its row in the list cuts. */
static void split(const struct model *model, const struct shown *shown, struct rect area,
                  struct rect *ret_list, struct rect *ret_detail)
{
    int row = model->lists[PLACE].row, rows = area.h >= 30 ? 6 : area.h >= 14 ? 4 : 0, needs = 0;
    int beside =
        area.w < TIME_COLUMNS + TENANT_COLUMNS + 10 ? TIME_COLUMNS : TIME_COLUMNS + TENANT_COLUMNS + 1;
    char text[1024] = "";

    if (row < shown->count)
        event_words(shown->rows[row], text, sizeof text);
    if (rows > 0 || text_width(text) > area.w - beside)
        needs = 2 + canvas_wrap_rows(text, area.w - 2); /* its title and command line */
    needs = needs > area.h - LIST_LEAST ? area.h - LIST_LEAST : needs;
    *ret_detail = rect_bottom(&area, needs > rows ? needs : rows);
    *ret_list = area;
}

static void events_screen_draw(const struct model *model, struct canvas *canvas, struct rect area)
{
    const struct list_state *list = &model->lists[PLACE];
    struct shown shown;
    struct rect rows, detail;

    read_shown(model, &shown);
    split(model, &shown, area, &rows, &detail);
    draw_top(model, &shown, canvas, rect_top(&rows, 1));
    if (shown.count == 0)
        canvas_fit(canvas, rows, ROLE_TEXT_DIM,
                   !model->snapshot          ? "  Waiting for the first picture …"
                   : list->filter[0] != '\0' ? "  Nothing passes the filter; Esc shows all again."
                                             : "  Nothing happened yet.");
    draw_list(model, &shown, canvas, rows);
    if (detail.h > 0 && list->row < shown.count)
        draw_detail(model, shown.rows[list->row], canvas, detail);
}

/* ---- moving ---- */

/* Rows that the entries from the top to the cursor take. */
static int rows_between(const struct shown *shown, const struct list_state *list, int width)
{
    int rows = 0;

    for (int i = list->top; i <= list->row && i < shown->count; i++)
        rows += entry_rows(shown->rows[i], width, list->wrap);
    return rows;
}

static void events_screen_move(struct model *model, struct rect area, int rows)
{
    struct list_state *list = &model->lists[PLACE];
    struct shown shown;
    struct rect place, detail;

    model->no_subject = true;
    read_shown(model, &shown);
    split(model, &shown, area, &place, &detail);
    rect_top(&place, 1);
    for (int i = 0; list->row > 0 && i < shown.count; i++) /* the newest is followed, any other is held */
        if (shown.rows[i]->id == list->number)
            list->row = i;
    if (rows == MOVE_PAGE || rows == -MOVE_PAGE)
        rows = rows > 0 ? place.h : -place.h;
    list->row += rows;
    list->row = list->row >= shown.count ? shown.count - 1 : list->row;
    list->row = list->row < 0 ? 0 : list->row;
    list->number = shown.count > 0 ? shown.rows[list->row]->id : 0;
    list->top = table_scroll(list->top, list->row, shown.count, place.h);
    while (list->top < list->row && rows_between(&shown, list, place.w) > place.h)
        list->top++;
}

/* "14", "14:02", "14:02:31": the first and the last moment that fit, as microseconds of the day. */
static bool parse_clock(const char *text, int64_t *ret_first, int64_t *ret_last)
{
    int h = 0, m = 0, s = 0, fields = sscanf(text, "%2d:%2d:%2d", &h, &m, &s);

    if (fields < 1 || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59)
        return false;
    *ret_first = ((h * 60 + m) * INT64_C(60) + s) * 1000000;
    *ret_last = *ret_first + (fields == 1 ? 3600 : fields == 2 ? 60 : 1) * INT64_C(1000000) - 1;
    return true;
}

/* To the newest entry that is not later than that time, today or else yesterday. */
static void jump(struct model *model, const char *text)
{
    struct list_state *list = &model->lists[PLACE];
    int64_t now = model_database_now_us(model), day = now - now % DAY_US, first, last;
    struct shown shown;

    if (!parse_clock(text, &first, &last))
        return;
    last += day + first > now ? day - DAY_US : day;
    read_shown(model, &shown);
    for (int i = 0; i < shown.count; i++)
        if (shown.rows[i]->occurred_at_us <= last || i == shown.count - 1) {
            list->row = i;
            list->number = shown.rows[i]->id;
            return;
        }
}

static void prompt_key(struct model *model, const struct input *input)
{
    struct list_state *list = &model->lists[PLACE];

    if (input->kind == INPUT_TEXT)
        field_add(&list->field, input->text);
    else if (input->kind == INPUT_BACKSPACE)
        field_backspace(&list->field);
    else if (input->kind == INPUT_ENTER || input->kind == INPUT_ESCAPE || input->kind == INPUT_CTRL)
        list->pane = PROMPT_CLOSED;
    if (input->kind == INPUT_ENTER)
        jump(model, list->field.text);
}

/* The entry that the cursor was on when it was last drawn, by its id: no filter has to be asked for it. */
static const struct tmv_audit_entry *under_cursor(const struct model *model)
{
    int64_t id = model->lists[PLACE].number;

    for (size_t i = 0; id != 0 && i < model_event_count(model); i++)
        if (model_event(model, i)->id == id)
            return model_event(model, i);
    return NULL;
}

static void open_entry(struct model *model)
{
    const struct tmv_audit_entry *entry = under_cursor(model);

    if (!entry || !model_find(model, &entry->migration))
        return;
    model->fleet.selected = entry->migration;
    model->go = screen_migration.key;
}

static bool events_screen_take(struct model *model, struct rect area, const struct input *input)
{
    struct list_state *list = &model->lists[PLACE];
    char c = input->kind == INPUT_TEXT ? input->text[0] : '\0';

    (void)area;
    if (list->pane != PROMPT_CLOSED) {
        prompt_key(model, input);
        return true;
    }
    if (c == '@') {
        list->pane = PROMPT_TIME;
        field_clear(&list->field);
    } else if (c == 'w') {
        list->wrap = !list->wrap;
    } else if (input->kind == INPUT_ENTER) {
        open_entry(model);
    } else if (input->kind == INPUT_ESCAPE && list->filter[0] != '\0') {
        list->filter[0] = '\0';
    } else {
        return false;
    }
    return true;
}

static char *events_filter(struct model *model)
{
    return model->lists[PLACE].filter;
}

static void events_filtered(struct model *model)
{
    model->lists[PLACE].row = model->lists[PLACE].top = 0;
}

static bool events_offers(const struct model *model, const char *key)
{
    const struct tmv_audit_entry *entry = under_cursor(model);

    return entry && (strcmp(key, "Enter") != 0 || model_find(model, &entry->migration));
}

static const char *const keys[] = {"Enter", "open", "@", "jump to time", "w", "wrap", NULL};

const struct screen screen_events = {
    .title = "Events",
    .key = '4',
    .help = "the audit: / filters, @ jumps to a time, w wraps, Enter opens the migration",
    .draw = events_screen_draw,
    .move = events_screen_move,
    .take = events_screen_take,
    .keys = keys,
    .offers = events_offers,
    .filter = events_filter,
    .filtered = events_filtered,
};

#include "console/overlays.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions/exporting.h"
#include "actions/perform.h"
#include "lib/text.h"
#include "lib/utf8.h"
#include "view/fleet_order.h"
#include "theme/embedded.h"
#include "widgets/format.h"

#define DEAF_US                                                                                              \
    INT64_C(300000) /* a box that asks something does not hear what was typed before it opened               \
                     */

/* ---- what stands in them ---- */

static void fill_help(const struct state *state, struct picker_rows *rows)
{
    action_help_rows(&state->model, state->active, rows);
    picker_search(rows, state->picker.query.text);
}

static size_t first_word(const char *text, char *word, size_t size)
{
    size_t n = strcspn(text, " ");

    snprintf(word, size, "%.*s", (int)n, text);
    return text[n] == ' ' ? n + 1 : n;
}

/* How well a row fits what was typed: 0 not at all, 3 its name begins so. */
static int fits(const struct picker_row *row, const char *word, bool more_follows)
{
    const char *name = action_at(row->value)->name;

    if (word[0] == '\0' || strcmp(name, word) == 0)
        return 3;
    if (more_follows)
        return 0;
    if (fold_starts(name, word))
        return 3;
    if (fold_find(name, word))
        return 2;
    return fold_find(row->text, word) ? 1 : 0;
}

/* Names that begin as typed first, then those that contain it, then the helps that do. */
static void fill_palette(const struct state *state, struct picker_rows *rows)
{
    const char *query = state->picker.query.text;
    struct picker_rows all = {0};
    char word[64];

    action_palette_rows(&state->model, state->active, &all);
    first_word(query, word, sizeof word);
    for (int rank = 3; rank > 0; rank--)
        for (int i = 0; i < all.count; i++)
            if (fits(&all.rows[i], word, strchr(query, ' ')) == rank)
                picker_add(rows, &all.rows[i]);
    picker_release(&all);
}

static void fill_sort(const struct state *state, struct picker_rows *rows)
{
    const struct fleet_state *fleet = &state->model.fleet;

    for (int i = 0; i < fleet_sorts(); i++) {
        struct picker_row row = {.role = ROLE_TEXT_DIM, .value = i};
        text_copy(row.key, sizeof row.key, i == fleet->sort ? (fleet->reverse ? "▲" : "▼") : "");
        text_copy(row.name, sizeof row.name, fleet_sort_name(i));
        if (i == fleet->sort)
            snprintf(row.text, sizeof row.text, "%snow; Enter turns it round",
                     fleet->reverse ? "reversed " : "");
        picker_add(rows, &row);
    }
}

static void fill_messages(const struct state *state, struct picker_rows *rows)
{
    const struct message *message;

    for (int i = 0; (message = messages_at(&state->messages, i)); i++) {
        struct picker_row row = {.role = message->role, .value = i};
        format_clock(message->wall_us, row.name);
        text_copy(row.text, sizeof row.text, message->text);
        picker_add(rows, &row);
    }
    picker_search(rows, state->picker.query.text);
}

static void fill_theme(const struct state *state, struct picker_rows *rows)
{
    for (int i = 0; embedded_themes[i].name; i++) {
        struct picker_row row = {.role = ROLE_TEXT_DIM, .value = i};
        text_copy(row.name, sizeof row.name, embedded_themes[i].name);
        if (strcmp(embedded_themes[i].name, state->theme_before) == 0)
            snprintf(row.text, sizeof row.text, "now");
        picker_add(rows, &row);
    }
}

static void fill_export(const struct state *state, struct picker_rows *rows)
{
    (void)state;
    for (int i = 0; i < export_format_count(); i++) {
        struct picker_row row = {.role = ROLE_TEXT, .value = i};
        text_copy(row.name, sizeof row.name, export_format_at(i)->name);
        text_copy(row.text, sizeof row.text, export_format_at(i)->help);
        picker_add(rows, &row);
    }
}

static const struct {
    const char *name, *text;
    bool quits;
    enum leave leave;
} quit_ways[] = {
    {"Stay", "the console continues", false, LEAVE_STOP},
    {"Hand over",
     "stop at a safe point, give the migrations back, and report which engine continues (a `tenantmv worker` "
     "or another console)",
     true, LEAVE_HAND_OVER},
    {"Keep running here", "only the screen ends: the engine continues in this terminal until Ctrl-C", true,
     LEAVE_KEEP},
    {"Stop at a safe point",
     "the migrations wait, nothing is lost; they continue as soon as an engine runs again", true, LEAVE_STOP},
};

static void fill_quit(const struct state *state, struct picker_rows *rows)
{
    (void)state;
    for (size_t i = 0; i < sizeof quit_ways / sizeof *quit_ways; i++) {
        struct picker_row row = {.role = ROLE_TEXT, .value = (int)i};
        text_copy(row.name, sizeof row.name, quit_ways[i].name);
        text_copy(row.text, sizeof row.text, quit_ways[i].text);
        picker_add(rows, &row);
    }
}

/* ---- what choosing does ---- */

static void choose_palette(struct state *state, const struct picker_row *row)
{
    const char *query = state->picker.query.text;
    char word[64];
    size_t rest = first_word(query, word, sizeof word);
    const struct action *action = action_by_name(word);

    if (query[0] == '\0' && state->picker.cursor == 0) /* nothing was chosen */
        return;
    if (!action && row)
        action = action_at(row->value);
    if (action && action->group == GROUP_ACT && row && row->value != state->drawn.choice)
        state_toast(state, ROLE_LEVEL_WARN, "%s: the list moved: look again", action->name);
    else if (action)
        perform(state, action, query + rest);
    else
        state_toast(state, ROLE_LEVEL_WARN, "no command \"%.40s\": ? lists them", word);
}

static void choose_sort(struct state *state, const struct picker_row *row)
{
    struct fleet_state *fleet = &state->model.fleet;

    if (!row)
        return;
    fleet->reverse = fleet->sort == row->value && !fleet->reverse;
    fleet->sort = row->value;
    fleet_order(&state->model, false);
}

static void choose_theme(struct state *state, const struct picker_row *row)
{
    if (row)
        snprintf(state->theme_wanted, sizeof state->theme_wanted, "%.63s", row->name);
}

static void choose_export(struct state *state, const struct picker_row *row)
{
    if (row)
        exporting_start(state, row->name);
}

static void choose_quit(struct state *state, const struct picker_row *row)
{
    if (!row)
        return;
    state->quit = quit_ways[row->value].quits;
    state->leave = quit_ways[row->value].leave;
}

/* ---- the table ---- */

static const struct look {
    struct picker_look look;
    void (*fill)(const struct state *state, struct picker_rows *rows);
    void (*choose)(struct state *state, const struct picker_row *row); /* NULL: only closes */
    int width;
    bool typing;   /* letters are the query from the start */
    bool searches; /* `/` begins a query */
    bool tries;    /* what is under the cursor is chosen at once, and taken back by Esc */
    bool asks;     /* something depends on it: deaf at first, and only Enter chooses */
} looks[OVERLAY_COUNT] = {
    [OVERLAY_HELP] = {{"help", "", NULL, "j k move   / search   Esc closes", "Nothing has these words.",
                       false},
                      fill_help,
                      NULL,
                      112,
                      .searches = true},
    [OVERLAY_PALETTE] = {{"do", "", ":", "Enter does it   ↓ ↑ choose   Tab completes   Esc closes",
                          "No command has this name.", false},
                         fill_palette,
                         choose_palette,
                         100,
                         .typing = true},
    [OVERLAY_SORT] = {{"order of the fleet", "", NULL, "Enter takes it   Esc closes", "", false},
                      fill_sort,
                      choose_sort,
                      56},
    [OVERLAY_THEME] = {{"theme", "", NULL, "j k try   Enter keeps   Esc restores", "", false},
                       fill_theme,
                       choose_theme,
                       56,
                       .tries = true},
    [OVERLAY_EXPORT] = {{"export", "into the working directory", NULL,
                         "Enter writes it   Esc closes   :export FORMAT FILE names the file", "", false},
                        fill_export,
                        choose_export,
                        90},
    [OVERLAY_MESSAGES] = {{"messages", "newest first", NULL, "j k move   / search   y copy   Esc closes",
                           "No message yet.", false},
                          fill_messages,
                          NULL,
                          112,
                          .searches = true},
    [OVERLAY_QUIT] = {{"quit: an engine in this program runs migrations", "", NULL,
                       "Enter chooses   Esc stays", "", false},
                      fill_quit,
                      choose_quit,
                      90,
                      .asks = true},
};

/* ---- opening, drawing ---- */

static struct rect area_of(const struct look *look, int cols, int rows)
{
    struct rect area = {0, 0, cols, rows};

    if (rows >= 16) {
        area.y = 1;
        area.h = rows - 2;
    }
    if (cols > look->width) {
        area.x = (cols - look->width) / 2;
        area.w = look->width;
    }
    return area;
}

static void begin_theme(struct state *state)
{
    text_copy(state->theme_before, sizeof state->theme_before, state->theme ? state->theme->name : "");
    for (int i = 0; embedded_themes[i].name; i++)
        if (strcmp(embedded_themes[i].name, state->theme_before) == 0)
            state->picker.cursor = i;
}

const char *overlay_title(enum overlay overlay)
{
    return looks[overlay].look.title;
}

void overlay_open(struct state *state, enum overlay overlay)
{
    struct picker_rows rows = {0};

    state->overlay = overlay;
    state->opened_us = state->model.now_us;
    memset(&state->picker, 0, sizeof state->picker);
    if (overlay == OVERLAY_NONE)
        return;
    state->picker.typing = looks[overlay].typing;
    if (overlay == OVERLAY_SORT)
        state->picker.cursor = state->model.fleet.sort;
    if (overlay == OVERLAY_THEME)
        begin_theme(state);
    looks[overlay].fill(state, &rows);
    picker_move(&state->picker, &rows, 0, 1000);
    picker_release(&rows);
}

/* The box hides the list: what its commands are for is named in its frame. */
static const char *subject_name(const struct state *state, char name[TENANT_NAME_MAX])
{
    const struct model *model = &state->model;
    const struct tmv_migration *m = model_find(model, &state->drawn.subject);

    if (!m && !tmv_uuid_is_nil(&state->drawn.subject) &&
        tmv_uuid_equal(&model->kept.id, &state->drawn.subject))
        m = &model->kept; /* it may come back */
    return m ? tenant_name(&state->model.names, &m->tenant, name) : "";
}

void overlay_draw(const struct state *state, struct canvas *canvas)
{
    const struct look *look = &looks[state->overlay];
    struct picker_look words = look->look;
    struct picker_rows rows = {0};
    struct rect area = area_of(look, canvas->cols, canvas->rows);
    struct picker picker = state->picker;
    char name[TENANT_NAME_MAX];

    if (state->overlay == OVERLAY_NONE)
        return;
    if (state->overlay == OVERLAY_PALETTE && !state->model.read_only)
        words.right = subject_name(state, name);
    look->fill(state, &rows);
    picker_move(&picker, &rows, 0, picker_height(&area, &picker, &words));
    picker_draw(&picker, &rows, &words, canvas, area);
    picker_release(&rows);
}

/* ---- keys ---- */

static const struct picker_row *current(const struct state *state, const struct picker_rows *rows)
{
    int cursor = state->picker.cursor;

    return cursor < rows->count && !rows->rows[cursor].heading ? &rows->rows[cursor] : NULL;
}

int overlay_choice(const struct state *state)
{
    struct picker_rows rows = {0};
    const struct picker_row *row;
    int choice;

    if (state->overlay == OVERLAY_NONE)
        return -1;
    looks[state->overlay].fill(state, &rows);
    row = current(state, &rows);
    choice = row ? row->value : -1;
    picker_release(&rows);
    return choice;
}

static void complete(struct state *state, const struct picker_row *row)
{
    struct field *query = &state->picker.query;
    const char *name;

    if (!row || strchr(query->text, ' '))
        return;
    name = action_at(row->value)->name;
    field_clear(query);
    for (; *name != '\0'; name++)
        field_add(query, (char[]){*name, '\0'});
    if (action_at(row->value)->argument)
        field_add(query, " ");
    state->picker.cursor = state->picker.top = 0;
}

/* Letters while a query is typed; false: not one of its keys. */
static bool query_key(struct state *state, const struct input *input)
{
    if (!state->picker.typing || !input_edit(input, &state->picker.query))
        return false;
    state->picker.cursor = state->picker.top = 0;
    return true;
}

static int steps_of(const struct state *state, const struct input *input, int height)
{
    int rows = input_rows(input, state->picker.typing), page = height > 1 ? height - 1 : 1;

    return rows == MOVE_PAGE ? page : rows == -MOVE_PAGE ? -page : rows;
}

static void close_overlay(struct state *state, const struct picker_row *chosen)
{
    const struct look *look = &looks[state->overlay];
    struct picker_row row;

    if (chosen)
        row = *chosen;
    state->overlay = OVERLAY_NONE;
    if (look->choose)
        look->choose(state, chosen ? &row : NULL);
}

/* Esc leaves the query first, then the box. */
static void escape(struct state *state)
{
    const struct look *look = &looks[state->overlay];

    if (look->tries)
        text_copy(state->theme_wanted, sizeof state->theme_wanted, state->theme_before);
    if (look->searches && (state->picker.typing || state->picker.query.length > 0))
        overlay_open(state, state->overlay);
    else
        state->overlay = OVERLAY_NONE;
}

static void letter(struct state *state, const struct input *input, const struct picker_row *row)
{
    const struct look *look = &looks[state->overlay];
    char c = input->kind == INPUT_F1 ? '?' : input->kind == INPUT_TEXT ? input->text[0] : '\0';

    if (c == '/' && look->searches) {
        state->picker.typing = true;
    } else if (c == 'y' && state->overlay == OVERLAY_MESSAGES && row) {
        free(state->copied);
        state->copied = strdup(row->text);
    } else if (c == 'q' || c == '?') {
        state->overlay = OVERLAY_NONE;
    }
}

static void enter(struct state *state, const struct picker_row *row)
{
    if (looks[state->overlay].searches && state->picker.typing)
        state->picker.typing = false;
    else
        close_overlay(state, row);
}

static bool is_escape(const struct input *input)
{
    return input->kind == INPUT_ESCAPE || (input->kind == INPUT_CTRL && input->text[0] == 'c');
}

static void walk(struct state *state, const struct picker_rows *rows, int steps, int height)
{
    picker_move(&state->picker, rows, steps, height);
    if (looks[state->overlay].tries)
        choose_theme(state, current(state, rows));
}

void overlay_key(struct state *state, const struct input *input, const struct canvas *canvas)
{
    const struct look *look = &looks[state->overlay];
    struct rect area = area_of(look, canvas->cols, canvas->rows);
    int height = picker_height(&area, &state->picker, &look->look);
    int steps = steps_of(state, input, height);
    struct picker_rows rows = {0};

    if (look->asks && input->at_us - state->opened_us < DEAF_US && !is_escape(input))
        return;
    look->fill(state, &rows);
    if (is_escape(input))
        escape(state);
    else if (input->kind == INPUT_ENTER)
        enter(state, current(state, &rows));
    else if (steps != 0)
        walk(state, &rows, steps, height);
    else if (input->kind == INPUT_TAB && state->overlay == OVERLAY_PALETTE)
        complete(state, current(state, &rows));
    else if (!query_key(state, input))
        letter(state, input, current(state, &rows));
    picker_release(&rows);
}

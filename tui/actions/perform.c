#include "actions/perform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/drawn.h"
#include "actions/exporting.h"
#include "actions/limits.h"
#include "console/overlays.h"
#include "lib/text.h"
#include "view/fleet_order.h"
#include "view/filter.h"
#include "view/health.h"
#include "view/states.h"
#include "widgets/plain.h"

#define INTERRUPT_US INT64_C(2000000)

/* ---- requests ---- */

bool perform_send(struct state *state, const struct tmv_request *request)
{
    if (!state->requests || !state->send(state->requests, request)) {
        state_toast(state, ROLE_TOAST_ERROR, "%s was not sent: too many requests wait for an answer",
                    tmv_operation_name(request->operation));
        return false;
    }
    state_toast(state, ROLE_TEXT, "%s: sent", tmv_operation_name(request->operation));
    return true;
}

/* To every one that the dialog named, if it allows it now and is as it was when the dialog opened. */
static void send_bulk(struct state *state, const struct tmv_request *like)
{
    const struct confirm *confirm = &state->confirm;

    state->bulk = (struct bulk){.operation = like->operation};
    for (int i = 0; i < confirm->bulk_count; i++) {
        const struct tmv_migration *m = model_find(&state->model, &confirm->bulk_ids[i]);
        struct tmv_request request = *like;
        char why[TMV_REASON_MAX];
        if (!m || !confirm_takes(confirm, i, m, why))
            continue;
        request.migration = m->id;
        request.generation = m->generation;
        state->bulk.total += perform_send(state, &request);
    }
    state_toast(state, ROLE_TEXT, "%s: sent to %d", tmv_operation_name(like->operation), state->bulk.total);
    state->model.fleet.mark_count = 0;
}

void perform_confirmed(struct state *state, enum confirm_result result)
{
    struct tmv_request request;
    bool bulk = state->confirm.bulk;

    if (result == CONFIRM_STAYS)
        return;
    request = confirm_request(&state->confirm, &state->model);
    state->confirm.kind = CONFIRM_NONE;
    confirm_void(&state->confirm);
    if (result != CONFIRM_SEND)
        state_toast(state, ROLE_TEXT, "%s: cancelled, nothing was sent", state->confirm.title);
    else if (bulk)
        send_bulk(state, &request);
    else
        perform_send(state, &request);
}

/* ---- what is done without a question ---- */

static struct pending *wait_for_silence(struct state *state, const struct action *action)
{
    state->pending = (struct pending){.action = action, .due_us = state->model.now_us + ALONE_US};
    return &state->pending;
}

void perform_hold(struct state *state)
{
    const struct action *action = state->pending.action;

    if (!action)
        return;
    state->pending.action = NULL;
    state_toast(state, ROLE_LEVEL_WARN, "%s was not sent: other keys came with it, as in a paste",
                action->name);
}

static void send_undo(struct state *state, const struct undo *undo)
{
    int sent = 0;

    state->undo.count = 0;
    state->bulk = (struct bulk){.operation = undo->operation};
    for (int i = 0; i < undo->count; i++) {
        struct tmv_request request = {.operation = undo->operation, .migration = undo->ids[i]};
        sent += perform_send(state, &request);
    }
    state->bulk.total = sent > 1 ? sent : 0;
}

void perform_pending(struct state *state)
{
    struct pending pending = state->pending;

    if (!pending.action || state->model.now_us < pending.due_us)
        return;
    state->pending.action = NULL;
    pending.request.reason = pending.reason[0] != '\0' ? pending.reason : NULL;
    if (pending.action->what == DO_UNDO)
        send_undo(state, &pending.undo);
    else
        perform_send(state, &pending.request);
}

static void do_operation(struct state *state, const struct action *action, const char *argument)
{
    const struct tmv_migration *m = model_selected(&state->model);
    bool bulk = state->model.fleet.mark_count > 0 && state->active == SCREEN_FLEET;

    if (!state->requests) {
        state_toast(state, ROLE_LEVEL_WARN, "read only: this console cannot change anything");
        return;
    }
    if (action->way == ACTION_AT_ONCE && !bulk && m) {
        struct tmv_request request = {
            .operation = action->operation, .migration = m->id, .generation = state->drawn.generation};
        wait_for_silence(state, action)->request = request;
        text_copy(state->pending.reason, sizeof state->pending.reason, argument);
        return;
    }
    confirm_open(&state->confirm, action, &state->model, bulk);
}

static void do_undo(struct state *state, const struct action *action, const char *argument)
{
    (void)argument;
    if (state->undo.count == 0 || !state->requests)
        state_toast(state, ROLE_TEXT, "nothing to take back");
    else
        wait_for_silence(state, action)->undo = state->undo;
}

static void do_throttle(struct state *state, const struct action *action, const char *argument)
{
    const struct tmv_migration *m = model_selected(&state->model);
    char changes[LIMITS_JSON_MAX];

    if (!m || !state->requests)
        return;
    if (!limits_parse(argument, changes))
        state_toast(state, ROLE_LEVEL_WARN, "%s wants one of: %s", action->name, LIMITS_FORMS);
    else if (!state->limit(state->requests, &m->id, changes))
        state_toast(state, ROLE_TOAST_ERROR, "%s was not sent: too many requests wait", action->name);
    else
        state_toast(state, ROLE_TEXT, "%s: sent", action->name);
}

/* ---- the list ---- */

static struct input down_key(const struct state *state)
{
    return (struct input){.kind = INPUT_DOWN, .at_us = state->model.now_us};
}

static void do_mark(struct state *state, const struct action *action, const char *argument)
{
    const struct tmv_migration *m = model_selected(&state->model);
    struct input down = down_key(state);
    struct canvas size = {.cols = state->cols, .rows = state->rows};

    (void)action;
    (void)argument;
    if (!m)
        return;
    if (!model_mark(&state->model, &m->id))
        state_toast(state, ROLE_LEVEL_WARN, "more than %d cannot be marked", MARKS_MAX);
    state_key(state, &down, &size);
}

static void do_mark_all(struct state *state, const struct action *action, const char *argument)
{
    struct fleet_state *fleet = &state->model.fleet;
    int marked = 0;

    (void)action;
    (void)argument;
    for (int i = 0; i < fleet->shown; i++)
        marked += model_is_marked(&state->model, &fleet->ids[i]);
    for (int i = 0; i < fleet->shown; i++)
        if (!model_find(&state->model, &fleet->ids[i]))
            continue;
        else if (marked == fleet->shown || !model_is_marked(&state->model, &fleet->ids[i]))
            model_mark(&state->model, &fleet->ids[i]);
    if (marked < fleet->shown && fleet->mark_count == MARKS_MAX)
        state_toast(state, ROLE_LEVEL_WARN, "more than %d cannot be marked", MARKS_MAX);
}

const char *perform_filter_text(const struct state *state)
{
    const struct screen *screen = screen_at(state->active);
    struct model *model =
        (struct model *)(uintptr_t)&state->model; /* the hook gives the place, to read here */

    return screen->filter ? screen->filter(model) : state->model.fleet.filter;
}

void perform_filter(struct state *state, const char *text)
{
    const struct screen *screen = screen_at(state->active);
    char *filter = screen->filter ? screen->filter(&state->model) : state->model.fleet.filter;

    text_copy(filter, FIELD_MAX, text);
    if (screen->filtered)
        screen->filtered(&state->model);
    if (text[0] != '\0' && filter == state->model.fleet.filter)
        text_copy(state->filter_last, sizeof state->filter_last, text);
    if (filter == state->model.fleet.filter)
        fleet_refilter(&state->model);
}

static void do_filter(struct state *state, const struct action *action, const char *argument)
{
    (void)action;
    text_copy(state->filter_before, sizeof state->filter_before, perform_filter_text(state));
    if (argument[0] != '\0') {
        perform_filter(state, argument);
        return;
    }
    state->filtering = true;
    field_clear(&state->input);
    for (const char *at = state->filter_before; *at != '\0';) {
        char grapheme[CELL_BYTES];
        int width;
        size_t n = grapheme_next(at, grapheme, &width);
        field_add(&state->input, grapheme);
        at += n;
    }
}

static void select_row(struct fleet_state *fleet, int row)
{
    struct tmv_uuid id = fleet->ids[row];

    fleet_let_go(fleet);
    fleet->selected = id;
    fleet->selected_row = fleet_row_of(fleet, &id);
}

/* The next row, in steps of `by`, for which `wanted` says yes; the cursor goes there. */
static bool jump(struct state *state, int by, bool (*wanted)(struct state *state, int row))
{
    struct fleet_state *fleet = &state->model.fleet;

    for (int i = 1; i <= fleet->shown; i++) {
        int row = (fleet->selected_row + by * i % fleet->shown + fleet->shown) % fleet->shown;
        if (!wanted(state, row))
            continue;
        select_row(fleet, row);
        state->moved_us = state->model.now_us;
        return true;
    }
    return false;
}

static bool matches_last(struct state *state, int row)
{
    const struct model *model = &state->model;
    const struct tmv_migration *m = model_find(model, &model->fleet.ids[row]);
    char name[TENANT_NAME_MAX], problem[FILTER_PROBLEM_MAX];
    struct filter filter;
    bool passes;

    if (!m || state->filter_last[0] == '\0' || !filter_parse(state->filter_last, &filter, problem))
        return false;
    passes = filter_passes(&filter, &(struct filter_subject){m, tenant_full(&model->names, &m->tenant, name),
                                                             model->who, model_database_now_us(model)});
    filter_release(&filter);
    return passes;
}

static void do_match(struct state *state, const struct action *action, const char *argument)
{
    (void)argument;
    if (state->filter_last[0] == '\0')
        state_toast(state, ROLE_TEXT, "no search yet; press / first");
    else if (!jump(state, action->what == DO_NEXT_MATCH ? 1 : -1, matches_last))
        state_toast(state, ROLE_TEXT, "no row: %.100s", state->filter_last);
}

static bool needs_a_person(struct state *state, int row)
{
    const struct tmv_migration *m = model_find(&state->model, &state->model.fleet.ids[row]);

    return m && migration_is_alert(state->model.snapshot, m);
}

static void do_alert(struct state *state, const struct action *action, const char *argument)
{
    (void)action;
    (void)argument;
    if (!jump(state, 1, needs_a_person))
        state_toast(state, ROLE_LEVEL_WARN, "the filter hides the alerts: Esc shows all");
    else if (state->active != SCREEN_MIGRATION) /* where the cursor is seen */
        state->active = SCREEN_FLEET;
}

static void do_sort(struct state *state, const struct action *action, const char *argument)
{
    struct fleet_state *fleet = &state->model.fleet;

    (void)action;
    if (argument[0] == '\0') {
        overlay_open(state, OVERLAY_SORT);
        return;
    }
    for (int i = 0; i < fleet_sorts(); i++) {
        if (strncmp(fleet_sort_name(i), argument, strlen(argument)) != 0)
            continue;
        fleet->reverse = fleet->sort == i && !fleet->reverse;
        fleet->sort = i;
        fleet_order(&state->model, false);
        return;
    }
    state_toast(state, ROLE_LEVEL_WARN, "no such order: %.60s (s lists them)", argument);
}

static void do_width(struct state *state, const struct action *action, const char *argument)
{
    static const char *const words[FLEET_WIDTHS] = {"balanced", "tenants' names in full", "reasons in full"};
    struct fleet_state *fleet = &state->model.fleet;

    (void)action;
    (void)argument;
    fleet->width = (fleet->width + 1) % FLEET_WIDTHS;
    state_toast(state, ROLE_TEXT, "columns: %s", words[fleet->width]);
}

/* ---- looking ---- */

static void do_open(struct state *state, const struct action *action, const char *argument)
{
    (void)action;
    (void)argument;
    if (state->active == SCREEN_FLEET && model_selected(&state->model))
        state->active = SCREEN_MIGRATION;
}

static void do_screen(struct state *state, const struct action *action, const char *argument)
{
    int to = screen_by_key(argument[0]);

    (void)action;
    if (to >= 0)
        state->active = to;
    else
        state_toast(state, ROLE_TEXT, "the screens are 1 to %d", screen_count());
}

static void do_toggle(struct state *state, const struct action *action, const char *argument)
{
    (void)argument;
    if (action->what == DO_FREEZE)
        state->model.frozen = !state->model.frozen;
    else
        state->model.zoom = !state->model.zoom;
}

static void do_refresh(struct state *state, const struct action *action, const char *argument)
{
    int64_t us;

    (void)argument;
    state->refresh += action->what == DO_SLOWER ? 1 : -1;
    state->refresh = state->refresh < 0                ? 0
                     : state->refresh >= REFRESH_STEPS ? REFRESH_STEPS - 1
                                                       : state->refresh;
    us = state_refresh_us(state);
    if (us == 0)
        state_toast(state, ROLE_TEXT, "drawn as changes come");
    else
        state_toast(state, ROLE_TEXT, "drawn at most every %lld.%02lld s", (long long)(us / 1000000),
                    (long long)(us / 10000 % 100));
}

static void do_redraw(struct state *state, const struct action *action, const char *argument)
{
    (void)action;
    (void)argument;
    state->redraw = true;
}

static void do_overlay(struct state *state, const struct action *action, const char *argument)
{
    (void)argument;
    overlay_open(state, action->what == DO_HELP      ? OVERLAY_HELP
                        : action->what == DO_PALETTE ? OVERLAY_PALETTE
                                                     : OVERLAY_MESSAGES);
}

/* The screen as it is without what lies over it. The caller frees it. */
static char *screen_text(struct state *state)
{
    struct canvas canvas;
    char *text = NULL;
    size_t size;
    FILE *out;

    if (!canvas_init(&canvas, state->cols, state->rows))
        return NULL;
    state_draw(state, &canvas);
    out = open_memstream(&text, &size);
    if (out) {
        plain_write(&canvas, false, out);
        fclose(out);
    }
    canvas_release(&canvas);
    return text;
}

static char *migration_text(const struct model *model, const struct tmv_migration *m)
{
    char tenant[TMV_UUID_TEXT], id[TMV_UUID_TEXT], name[TENANT_NAME_MAX];
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fprintf(out, "%s: tenant %s, migration %s, %s -> %s, %s %d%%",
            tenant_name(&model->names, &m->tenant, name), tmv_uuid_format(&m->tenant, tenant),
            tmv_uuid_format(&m->id, id), m->source, m->target, state_look(m->show)->word, m->percent);
    fprintf(out, "%s%s%s%s", m->note[0] ? ", " : "", m->note, m->last_error[0] ? ", " : "", m->last_error);
    fclose(out);
    return text;
}

static void do_copy(struct state *state, const struct action *action, const char *argument)
{
    const struct tmv_migration *m = model_selected(&state->model);
    const struct message *message = messages_at(&state->messages, 0);
    char uuid[TMV_UUID_TEXT], line[200];
    char *text = NULL;

    (void)action;
    if (strcmp(argument, "screen") == 0)
        text = screen_text(state);
    else if (strcmp(argument, "message") == 0)
        text = message ? strdup(message->text) : NULL;
    else if (m && strcmp(argument, "migration") == 0)
        text = migration_text(&state->model, m);
    else if (m && (argument[0] == '\0' || strcmp(argument, "tenant") == 0))
        text = strdup(tmv_uuid_format(&m->tenant, uuid));
    else if (m && strcmp(argument, "command") == 0) {
        snprintf(line, sizeof line, "tenantmv status %s", tmv_uuid_format(&m->tenant, uuid));
        text = strdup(line);
    }
    if (!text) {
        state_toast(state, ROLE_LEVEL_WARN, "nothing to copy: tenant, migration, command, message or screen");
        return;
    }
    free(state->copied);
    state->copied = text;
    state_toast(state, ROLE_TOAST_OK, "to the terminal's clipboard: %.100s",
                strcmp(argument, "screen") == 0 ? "the screen" : text);
}

static void do_theme(struct state *state, const struct action *action, const char *argument)
{
    (void)action;
    if (argument[0] == '\0')
        overlay_open(state, OVERLAY_THEME);
    else
        text_copy(state->theme_wanted, sizeof state->theme_wanted, argument);
}

static void do_export(struct state *state, const struct action *action, const char *argument)
{
    (void)action;
    if (argument[0] == '\0')
        overlay_open(state, OVERLAY_EXPORT);
    else
        exporting_start(state, argument);
}

/* ---- the console ---- */

/* Closes what is open, innermost first; false: nothing was. */
static bool back(struct state *state)
{
    if (state->model.zoom)
        state->model.zoom = false;
    else if (state->active != SCREEN_FLEET)
        state->active = SCREEN_FLEET;
    else if (state->model.fleet.filter[0] != '\0')
        perform_filter(state, "");
    else if (state->model.fleet.mark_count > 0)
        state->model.fleet.mark_count = 0;
    else
        return false;
    return true;
}

static void do_back(struct state *state, const struct action *action, const char *argument)
{
    (void)action;
    (void)argument;
    back(state);
}

/* At the top: ends, or asks what becomes of the migrations that only run because this program does. */
static void leave(struct state *state)
{
    if (state->engine_here && state->engine_runs > 0)
        overlay_open(state, OVERLAY_QUIT);
    else
        state->quit = true;
}

static void do_quit(struct state *state, const struct action *action, const char *argument)
{
    (void)action;
    (void)argument;
    if (!back(state))
        leave(state);
}

static void do_cancel(struct state *state, const struct action *action, const char *argument)
{
    int64_t now_us = state->model.now_us;

    (void)action;
    (void)argument;
    if (now_us - state->interrupted_us < INTERRUPT_US) {
        leave(state);
        return;
    }
    state->interrupted_us = now_us;
    back(state);
    state_toast(state, ROLE_TEXT, "Ctrl-C again quits; migrations continue wherever their engine runs");
}

static void do_suspend(struct state *state, const struct action *action, const char *argument)
{
    (void)action;
    (void)argument;
    state->suspend = true;
}

typedef void perform_fn(struct state *state, const struct action *action, const char *argument);

void perform(struct state *state, const struct action *action, const char *argument)
{
    static perform_fn *const does[] = {
        [DO_OPERATION] = do_operation, [DO_UNDO] = do_undo,
        [DO_THROTTLE] = do_throttle,   [DO_MARK] = do_mark,
        [DO_MARK_ALL] = do_mark_all,   [DO_FILTER] = do_filter,
        [DO_NEXT_MATCH] = do_match,    [DO_PREVIOUS_MATCH] = do_match,
        [DO_SORT] = do_sort,           [DO_WIDTH] = do_width,
        [DO_ALERT] = do_alert,         [DO_OPEN] = do_open,
        [DO_SCREEN] = do_screen,       [DO_FREEZE] = do_toggle,
        [DO_ZOOM] = do_toggle,         [DO_FASTER] = do_refresh,
        [DO_SLOWER] = do_refresh,      [DO_REDRAW] = do_redraw,
        [DO_MESSAGES] = do_overlay,    [DO_THEME] = do_theme,
        [DO_EXPORT] = do_export,       [DO_COPY] = do_copy,
        [DO_HELP] = do_overlay,        [DO_PALETTE] = do_overlay,
        [DO_BACK] = do_back,           [DO_CANCEL] = do_cancel,
        [DO_SUSPEND] = do_suspend,     [DO_QUIT] = do_quit,
    };
    const struct tmv_migration *m = model_selected(&state->model);
    char why[TMV_REASON_MAX], name[TENANT_NAME_MAX] = "";

    bool may_act = action_exists(action, &state->model) && !state->model.frozen;

    if (may_act && !drawn_allows(state, action, why)) {
        state_toast(state, ROLE_LEVEL_WARN, "%s: %s", action->name, why);
    } else if (!action_available(action, &state->model, state->active, why)) {
        if (m && action->group == GROUP_ACT && !state->model.read_only && state->model.fleet.mark_count == 0)
            tenant_name(&state->model.names, &m->tenant, name);
        state_toast(state, ROLE_LEVEL_WARN, "%s%s%s: %s", action->name, name[0] ? " " : "", name, why);
    } else if ((size_t)action->what < sizeof does / sizeof *does && does[action->what]) {
        does[action->what](state, action, argument);
    }
}

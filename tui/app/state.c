#include "app/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "screens/fleet_order.h"

#define HOLD_US INT64_C(2000000) /* the order of the rows after the cursor moved */
#define TOAST_US INT64_C(12000000)
#define INTERRUPT_US INT64_C(2000000)

void state_init(struct state *state)
{
    memset(state, 0, sizeof *state);
    state->toast_hint = "";
    state->model.fleet.selected_row = -1;
    state->moved_us = state->interrupted_us = INT64_MIN / 2;
}

void state_release(struct state *state)
{
    tmv_snapshot_free(state->snapshot);
    event_log_release(&state->model.log);
    state_set_record(state, NULL);
    state_set_stores(state, NULL, 0);
    state->snapshot = NULL;
    state->model.snapshot = NULL;
}

void state_toast(struct state *state, enum role role, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(state->toast, sizeof state->toast, format, args);
    va_end(args);
    state->toast_role = role;
    state->toast_hint = "";
    state->toast_until_us = state->model.now_us + TOAST_US;
}

static void reorder(struct state *state)
{
    fleet_order(&state->model, state->model.now_us - state->moved_us < HOLD_US);
}

void state_set_snapshot(struct state *state, struct tmv_snapshot *snapshot)
{
    tmv_snapshot_free(state->snapshot);
    state->snapshot = snapshot;
    state->model.snapshot = snapshot;
    if (snapshot != NULL)
        event_log_add(&state->model.log, snapshot->events, snapshot->event_count);
    reorder(state);
}

void state_set_record(struct state *state, struct tmv_record *record)
{
    tmv_record_free(state->record);
    state->model.record = state->record = record;
}

void state_set_stores(struct state *state, struct store_view *stores, size_t count)
{
    free(state->stores);
    state->model.stores = state->stores = stores;
    state->model.store_count = count;
}

/* ---- asking ---- */

static void send(struct state *state, const struct tmv_request *request)
{
    if (state->requests == NULL)
        return;
    state->undo = (struct tmv_uuid){{0}};
    if (requests_send(state->requests, request))
        state_toast(state, ROLE_TEXT, "%s: sent", tmv_operation_name(request->operation));
    else
        state_toast(state, ROLE_TOAST_ERROR, "too many requests wait for an answer");
}

static void act(struct state *state, const struct action *action)
{
    const struct tmv_migration *m = model_selected(&state->model);
    char why[TMV_REASON_MAX], name[TENANT_NAME_MAX];

    if (state->requests == NULL) {
        state_toast(state, ROLE_LEVEL_WARN, "read only: this console cannot change anything");
        return;
    }
    if (!action_available(action, &state->model, why) || m == NULL) {
        state_toast(state, ROLE_LEVEL_WARN, "%s %s: %s", action->name,
                    m != NULL ? tenant_name(&state->model.names, &m->tenant, name) : "", why);
        return;
    }
    if (action->way == ACTION_AT_ONCE) {
        struct tmv_request request = {
            .operation = action->operation, .migration = m->id, .generation = m->generation};
        send(state, &request);
        return;
    }
    confirm_open(&state->confirm, action, &state->model);
}

static void undo(struct state *state)
{
    const struct tmv_migration *m = model_find(&state->model, &state->undo);
    struct tmv_request request = {.operation = TMV_OP_RESUME, .migration = state->undo};

    if (tmv_uuid_is_nil(&state->undo) || m == NULL || state->requests == NULL)
        return;
    send(state, &request);
}

static void confirmed(struct state *state, enum confirm_result result)
{
    struct tmv_request request;

    if (result == CONFIRM_STAYS)
        return;
    request = confirm_request(&state->confirm);
    state->confirm.kind = CONFIRM_NONE;
    if (result == CONFIRM_SEND)
        send(state, &request);
    else
        state_toast(state, ROLE_TEXT, "%s: cancelled, nothing was sent", state->confirm.title);
}

void state_outcome(struct state *state, const struct outcome *outcome)
{
    static const struct {
        const char *words;
        enum role role;
    } kinds[] = {
        [OUTCOME_REQUESTED] = {"requested, waits for its engine", ROLE_TEXT},
        [OUTCOME_RUNNING] = {"running", ROLE_TEXT_STRONG},
        [OUTCOME_DONE] = {"done", ROLE_TOAST_OK},
        [OUTCOME_REFUSED] = {"refused", ROLE_TOAST_ERROR},
        [OUTCOME_FAILED] = {"failed", ROLE_TOAST_ERROR},
        [OUTCOME_UNKNOWN] = {"outcome unknown, checking", ROLE_LEVEL_WARN},
    };
    const struct tmv_migration *m = model_find(&state->model, &outcome->migration);
    char name[TENANT_NAME_MAX] = "", command[TMV_UUID_TEXT] = "", id[24] = "";

    if (m != NULL)
        tenant_name(&state->model.names, &m->tenant, name);
    if (!tmv_uuid_is_nil(&outcome->command))
        snprintf(id, sizeof id, " (command %.4s)", tmv_uuid_format(&outcome->command, command));
    state_toast(state, kinds[outcome->kind].role, "%s %s%s: %s%s%s", tmv_operation_name(outcome->operation),
                name, id, kinds[outcome->kind].words, outcome->text[0] ? ": " : "", outcome->text);
    if (outcome->kind == OUTCOME_DONE && outcome->operation == TMV_OP_PAUSE) {
        state->undo = outcome->migration;
        state->toast_hint = "u: resume it again";
    }
}

/* ---- keys ---- */

static void open_prompt(struct state *state, enum prompt_kind kind)
{
    state->prompt = kind;
    field_clear(&state->input);
    snprintf(state->filter_before, sizeof state->filter_before, "%s", state->model.fleet.filter);
}

static void set_filter(struct state *state, const char *text)
{
    snprintf(state->model.fleet.filter, sizeof state->model.fleet.filter, "%s", text);
    fleet_order(&state->model, false);
}

static void run_command(struct state *state, const char *name)
{
    const struct action *action = action_by_name(name);

    if (action != NULL)
        act(state, action);
    else if (name[0] != '\0')
        state_toast(state, ROLE_LEVEL_WARN, "no command \"%.40s\": ? lists them", name);
}

static void prompt_key(struct state *state, const struct input *input)
{
    enum prompt_kind kind = state->prompt;

    if (input->kind == INPUT_ESCAPE || (input->kind == INPUT_CTRL && input->text[0] == 'c')) {
        state->prompt = PROMPT_NONE;
        if (kind == PROMPT_FILTER)
            set_filter(state, state->filter_before);
        return;
    }
    if (input->kind == INPUT_ENTER) {
        state->prompt = PROMPT_NONE;
        if (kind == PROMPT_COMMAND)
            run_command(state, state->input.text);
        return;
    }
    if (input->kind == INPUT_TEXT)
        field_add(&state->input, input->text);
    else if (input->kind == INPUT_BACKSPACE)
        field_backspace(&state->input);
    else if (input->kind == INPUT_CTRL && input->text[0] == 'u')
        field_clear(&state->input);
    if (kind == PROMPT_FILTER)
        set_filter(state, state->input.text);
}

/* Closes what is open, innermost first; false: nothing was. */
static bool back(struct state *state)
{
    if (state->active != 0)
        state->active = 0;
    else if (state->model.fleet.filter[0] != '\0')
        set_filter(state, "");
    else
        return false;
    return true;
}

static void interrupt(struct state *state, int64_t at_us)
{
    if (at_us - state->interrupted_us < INTERRUPT_US)
        state->quit = true;
    state->interrupted_us = at_us;
    back(state);
    state_toast(state, ROLE_TEXT, "Ctrl-C again quits; migrations go on wherever their engine runs");
}

static int rows_of(const struct input *input)
{
    char c = input->kind == INPUT_TEXT ? input->text[0] : '\0';
    char ctrl = input->kind == INPUT_CTRL ? input->text[0] : '\0';

    if (input->kind == INPUT_DOWN || c == 'j')
        return 1;
    if (input->kind == INPUT_UP || c == 'k')
        return -1;
    if (input->kind == INPUT_PAGE_DOWN || ctrl == 'd')
        return MOVE_PAGE;
    if (input->kind == INPUT_PAGE_UP || ctrl == 'u')
        return -MOVE_PAGE;
    if (input->kind == INPUT_END || c == 'G')
        return MOVE_END;
    return input->kind == INPUT_HOME || c == 'g' ? -MOVE_END : 0;
}

static void letter_key(struct state *state, const char *text)
{
    const struct action *action = action_by_key(text);

    if (screen_by_key(text[0]) >= 0)
        state->active = screen_by_key(text[0]);
    if (action != NULL && screen_at(state->active)->acts) {
        act(state, action);
        return;
    }
    switch (text[0]) {
    case 'q':
        state->quit = !back(state);
        break;
    case 'u':
        undo(state);
        break;
    case '?':
        state->help = true;
        break;
    case '/':
        open_prompt(state, PROMPT_FILTER);
        break;
    case ':':
        if (state->requests != NULL)
            open_prompt(state, PROMPT_COMMAND);
        break;
    case 's':
        state->model.fleet.sort = (state->model.fleet.sort + 1) % fleet_sorts();
        fleet_order(&state->model, false);
        break;
    case 'f':
        state->model.frozen = !state->model.frozen;
        break;
    default:
        break;
    }
}

static void suspend(struct state *state)
{
    if (state->model.engine_note != NULL)
        state_toast(state, ROLE_LEVEL_WARN, "not suspended: the engine in this program would stop as well");
    else
        state->suspend = true;
}

/* A screen may send its person to another one. */
static void go(struct state *state)
{
    int to = screen_by_key(state->model.go);

    if (to >= 0)
        state->active = to;
    state->model.go = 0;
}

static void screen_key(struct state *state, const struct input *input, const struct canvas *canvas)
{
    const struct screen *screen = screen_at(state->active);
    struct rect body = frame_body(&state->model, canvas);
    int rows = rows_of(input);

    if (screen->take != NULL && screen->take(&state->model, body, input)) {
        go(state);
    } else if (rows != 0) {
        screen->move(&state->model, body, rows);
        state->moved_us = input->at_us;
    } else if (input->kind == INPUT_TEXT) {
        letter_key(state, input->text);
    } else if (input->kind == INPUT_ESCAPE) {
        back(state);
    } else if (input->kind == INPUT_F1) {
        state->help = true;
    } else if (input->kind == INPUT_CTRL && input->text[0] == 'c') {
        interrupt(state, input->at_us);
    } else if (input->kind == INPUT_CTRL && input->text[0] == 'l') {
        state->redraw = true;
    } else if (input->kind == INPUT_CTRL && input->text[0] == 'z') {
        suspend(state);
    } else if (input->kind == INPUT_PASTE) {
        state_toast(state, ROLE_LEVEL_WARN, "pasted text was dropped");
    }
}

void state_key(struct state *state, const struct input *input, const struct canvas *canvas)
{
    if (input->kind == INPUT_NONE || input->kind == INPUT_RESIZE)
        return;
    if (state->confirm.kind != CONFIRM_NONE)
        confirmed(state, confirm_key(&state->confirm, &state->model, input));
    else if (state->help)
        state->help = false;
    else if (state->prompt != PROMPT_NONE)
        prompt_key(state, input);
    else
        screen_key(state, input, canvas);
}

/* ---- time and drawing ---- */

void state_tick(struct state *state)
{
    confirmed(state, confirm_tick(&state->confirm, &state->model));
    if (state->toast[0] != '\0' && state->model.now_us >= state->toast_until_us) {
        state->toast[0] = '\0';
        state->undo = (struct tmv_uuid){{0}}; /* u is only there while it is offered */
    }
}

int64_t state_deadline_us(const struct state *state)
{
    int64_t confirm = confirm_deadline_us(&state->confirm);
    int64_t toast = state->toast[0] != '\0' ? state->toast_until_us : INT64_MAX;

    return confirm < toast ? confirm : toast;
}

void state_draw(struct state *state, struct canvas *canvas)
{
    struct key_item keys[KEY_ITEMS_MAX];
    char whys[KEY_ITEMS_MAX][TMV_REASON_MAX];
    struct frame frame = {
        .active = state->active,
        .keys = keys,
        .key_count = action_key_bar(&state->model, state->active, keys, whys),
        .toast = state->toast,
        .toast_role = state->toast_role,
        .toast_hint = state->toast_hint,
        .prompt = state->prompt != PROMPT_NONE ? &state->input : NULL,
        .prompt_label = state->prompt == PROMPT_FILTER ? "filter: " : ": ",
    };

    model_begin(&state->model);
    screen_at(state->active)->move(&state->model, frame_body(&state->model, canvas), 0);
    frame_draw(&state->model, &frame, canvas);
    if (state->help)
        action_draw_help(&state->model, canvas);
    confirm_draw(&state->confirm, &state->model, canvas);
}

#include "console/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions/exporting.h"
#include "console/overlays.h"
#include "actions/perform.h"
#include "screens/big.h"
#include "view/fleet_order.h"
#include "view/outcome.h"

#define HOLD_US INT64_C(2000000) /* the order of the rows after the cursor moved */
#define TOAST_US INT64_C(12000000)

void state_init(struct state *state)
{
    memset(state, 0, sizeof *state);
    state->model.fleet.selected_row = -1;
    state->moved_us = state->interrupted_us = INT64_MIN / 2;
    state->send = requests_send;
    state->limit = requests_limit;
}

void state_release(struct state *state)
{
    tmv_snapshot_free(state->snapshot);
    state->snapshot = NULL;
    state->model.snapshot = NULL;
    event_log_release(&state->model.log);
    state_set_record(state, NULL);
    state_set_stores(state, NULL, 0);
    free(state->copied);
    state->copied = NULL;
    free(state->known);
    state->known = NULL;
}

void state_toast(struct state *state, enum role role, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(state->toast, sizeof state->toast, format, args);
    va_end(args);
    state->toast_role = role;
    state->toast_hint[0] = '\0';
    state->toast_until_us = state->model.now_us + TOAST_US;
    state->following = false;
    messages_add(&state->messages, state->model.wall_us, role, state->toast);
}

static void reorder(struct state *state)
{
    fleet_order(&state->model, state->model.now_us - state->moved_us < HOLD_US);
}

/* A mark stands for a migration that can be seen somewhere. */
static void drop_lost_marks(struct model *model)
{
    for (int i = model->fleet.mark_count - 1; i >= 0; i--)
        if (!model_find(model, &model->fleet.marks[i]))
            model_mark(model, &model->fleet.marks[i]);
}

/* Names tell all tenants apart that are loaded. Without memory the set before stays. */
static void know_tenants(struct state *state)
{
    size_t count = state->snapshot ? state->snapshot->migration_count : 0;
    struct tmv_uuid *known = calloc(count + 1, sizeof *known);

    if (!known)
        return;
    for (size_t i = 0; i < count; i++)
        known[i] = state->snapshot->migrations[i].tenant;
    qsort(known, count, sizeof *known, tenant_compare);
    free(state->known);
    state->model.names.known = state->known = known;
    state->model.names.known_count = count;
}

void state_set_snapshot(struct state *state, struct tmv_snapshot *snapshot)
{
    const struct tmv_migration *last = model_find(&state->model, &state->model.fleet.selected);

    if (last) /* still shown when the new picture has it no more */
        state->model.kept = *last;
    tmv_snapshot_free(state->snapshot);
    state->snapshot = snapshot;
    state->model.snapshot = snapshot;
    if (snapshot)
        event_log_add(&state->model.log, snapshot->events, snapshot->event_count);
    know_tenants(state);
    drop_lost_marks(&state->model);
    reorder(state);
}

void state_set_record(struct state *state, struct tmv_record *record)
{
    tmv_record_free(state->record);
    state->model.record = state->record = record;
    exporting_record(state);
}

void state_set_stores(struct state *state, struct store_view *stores, size_t count)
{
    free(state->stores);
    state->model.stores = state->stores = stores;
    state->model.store_count = count;
}

/* ---- what became of a request ---- */

/* A pause can be taken back by a resume, and the other way round. */
static void offer_undo(struct state *state, const struct outcome *outcome)
{
    enum tmv_operation back = outcome->operation == TMV_OP_PAUSE ? TMV_OP_RESUME : TMV_OP_PAUSE;
    struct undo *undo = &state->undo;

    if (outcome->kind != OUTCOME_DONE ||
        (outcome->operation != TMV_OP_PAUSE && outcome->operation != TMV_OP_RESUME))
        return;
    if (undo->operation != back || state->bulk.total == 0)
        undo->count = 0;
    undo->operation = back;
    if (undo->count < MARKS_MAX)
        undo->ids[undo->count++] = outcome->migration;
    if (undo->count > 1)
        snprintf(state->toast_hint, sizeof state->toast_hint, "u: %s these %d again",
                 tmv_operation_name(back), undo->count);
    else
        snprintf(state->toast_hint, sizeof state->toast_hint, "u: %s it again", tmv_operation_name(back));
}

/* One line for all of a bulk operation; the failures keep a line of their own in the history. */
static bool count_bulk(struct state *state, const struct outcome *outcome)
{
    struct bulk *bulk = &state->bulk;
    char words[700];

    if (bulk->total == 0 || outcome->operation != bulk->operation || !outcome->ended)
        return bulk->total > 0 && outcome->operation == bulk->operation;
    bulk->done += outcome->kind == OUTCOME_DONE;
    bulk->failed += outcome->kind != OUTCOME_DONE;
    if (outcome->kind != OUTCOME_DONE) {
        outcome_words(outcome, &state->model, words, sizeof words);
        messages_add(&state->messages, state->model.wall_us, ROLE_TOAST_ERROR, words);
    }
    state_toast(state, bulk->failed > 0 ? ROLE_TOAST_ERROR : ROLE_TOAST_OK, "%s: %d of %d done%s",
                tmv_operation_name(bulk->operation), bulk->done, bulk->total,
                bulk->failed > 0 ? ", some were not: Ctrl-G says why" : "");
    offer_undo(state, outcome);
    if (bulk->done + bulk->failed >= bulk->total)
        bulk->total = 0;
    return true;
}

void state_outcome(struct state *state, const struct outcome *outcome)
{
    char words[700];
    enum role role;

    if (count_bulk(state, outcome))
        return;
    role = outcome_words(outcome, &state->model, words, sizeof words);
    state_toast(state, role, "%s", words);
    state->outcome = *outcome;
    state->following = !outcome->ended;
    if (!outcome->ended)
        state->toast_until_us = INT64_MAX;
    offer_undo(state, outcome);
}

/* ---- keys ---- */

static void filter_key(struct state *state, const struct input *input)
{
    if (input->kind == INPUT_ESCAPE || (input->kind == INPUT_CTRL && input->text[0] == 'c')) {
        state->filtering = false;
        perform_filter(state, state->filter_before);
        return;
    }
    if (input->kind == INPUT_ENTER) {
        state->filtering = false;
        return;
    }
    if (input_edit(input, &state->input))
        perform_filter(state, state->input.text);
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
    int rows = input_rows(input, false);
    char name[INPUT_NAME_MAX];
    const struct action *action = action_by_key(input_name(input, name));

    if (input->kind == INPUT_PASTE)
        state_toast(state, ROLE_LEVEL_WARN, "pasted text was dropped");
    else if (action && action->group == GROUP_ACT && screen->acts)
        perform(state, action, "");
    else if (screen->take && screen->take(&state->model, body, input))
        go(state);
    else if (rows != 0) {
        screen->move(&state->model, body, rows);
        state->moved_us = input->at_us;
    } else if (action)
        perform(state, action, action->what == DO_SCREEN ? name : "");
}

/* Pasted text is for the line that is being typed into; the dialog refuses it where a name arms it. */
static bool takes_paste(const struct state *state)
{
    if (state->confirm.kind != CONFIRM_NONE)
        return true;
    return state->overlay != OVERLAY_NONE ? state->picker.typing : state->filtering;
}

/* What keys can do that depends on what was done here before. */
static void note_offers(struct state *state)
{
    state->model.can_undo = state->undo.count > 0 && state->requests;
    state->model.searched = state->filter_last[0] != '\0';
}

void state_key(struct state *state, const struct input *input, const struct canvas *canvas)
{
    bool paste = input->pasted || input->kind == INPUT_PASTE;

    if (input->kind == INPUT_NONE || input->kind == INPUT_RESIZE || (input->pasted && !takes_paste(state)))
        return;
    state->cols = canvas->cols;
    state->rows = canvas->rows;
    state->gap_us = input->gap_us;
    state->blind = input->blind;
    state->overlay_before = state->overlay;
    note_offers(state);
    perform_hold(state);
    if (state->confirm.kind != CONFIRM_NONE)
        perform_confirmed(state, confirm_key(&state->confirm, &state->model, input));
    else if (paste && state->overlay != OVERLAY_NONE && !state->picker.typing)
        state_toast(state, ROLE_LEVEL_WARN, "pasted text was dropped");
    else if (state->overlay != OVERLAY_NONE)
        overlay_key(state, input, canvas);
    else if (state->filtering)
        filter_key(state, input);
    else
        screen_key(state, input, canvas);
}

/* ---- time and drawing ---- */

/* What is kept on screen while nothing new comes grows old; a frozen display shows what was. */
static void forget_old_facts(struct state *state)
{
    int64_t now_us = model_database_now_us(&state->model);

    if (!state->snapshot || state->model.frozen)
        return;
    tmv_snapshot_age(state->snapshot, now_us);
    tmv_migration_age(&state->model.kept, now_us);
}

void state_tick(struct state *state)
{
    forget_old_facts(state);
    perform_confirmed(state, confirm_tick(&state->confirm, &state->model));
    perform_pending(state);
    exporting_tick(state);
    if (state->following) /* how far it is may have changed */
        state->toast_role = outcome_words(&state->outcome, &state->model, state->toast, sizeof state->toast);
    if (state->toast[0] != '\0' && state->model.now_us >= state->toast_until_us) {
        state->toast[0] = '\0';
        state->undo.count = 0; /* u is only there while it is offered */
    }
}

int64_t state_deadline_us(const struct state *state)
{
    int64_t confirm = confirm_deadline_us(&state->confirm);
    int64_t toast = state->toast[0] != '\0' ? state->toast_until_us : INT64_MAX;
    int64_t pending = state->pending.action ? state->pending.due_us : INT64_MAX;

    toast = pending < toast ? pending : toast;
    return confirm < toast ? confirm : toast;
}

int64_t state_refresh_us(const struct state *state)
{
    static const int64_t steps[REFRESH_STEPS] = {0, 250000, 500000, 1000000, 2000000, 5000000, 10000000};

    return steps[state->refresh];
}

void state_shown(struct state *state, int64_t now_us, int64_t took_us)
{
    drawn_note(state);
    confirm_shown(&state->confirm, now_us, took_us > STALL_US);
}

void state_draw(struct state *state, struct canvas *canvas)
{
    struct key_item keys[KEY_ITEMS_MAX];
    char whys[KEY_ITEMS_MAX][TMV_REASON_MAX];
    struct frame frame = {
        .active = state->active,
        .keys = keys,
        .toast = state->toast,
        .toast_role = state->toast_role,
        .toast_hint = state->toast_hint,
        .prompt = state->filtering ? &state->input : NULL,
        .prompt_label = "filter: ",
    };

    note_offers(state);
    model_begin(&state->model);
    screen_at(state->active)->move(&state->model, frame_body(&state->model, canvas), 0);
    if (!tmv_uuid_is_nil(&state->bundle_of))
        state->model.focus = state->bundle_of;
    frame.dialog = state->confirm.kind != CONFIRM_NONE;
    frame.key_count = frame.dialog ? confirm_key_bar(&state->confirm, &state->model, keys)
                                   : action_key_bar(&state->model, state->active, keys, whys);
    frame_draw(&state->model, &frame, canvas);
    if (state->model.big && state->active == 0)
        big_draw(&state->model, canvas, frame_body(&state->model, canvas));
    overlay_draw(state, canvas);
    state->confirm.readable = confirm_draw(&state->confirm, &state->model, canvas);
}

#include "actions/confirm_keys.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"

#define UNSEEN_US INT64_C(2000000) /* a countdown that was not drawn for so long was not seen */
#define LAST_US INT64_C(1500000)   /* and its last second has to be */

int input_rows(const struct input *input, bool typing)
{
    static const struct {
        enum input_kind kind;
        char letter; /* that does the same when nothing is typed */
        char ctrl;   /* with Ctrl */
        int rows;
    } moves[] = {
        {INPUT_DOWN, 'j', 'n', 1},
        {INPUT_UP, 'k', 'p', -1},
        {INPUT_PAGE_DOWN, 0, 'd', MOVE_PAGE},
        {INPUT_PAGE_UP, 0, 'u', -MOVE_PAGE},
        {INPUT_END, 'G', 0, MOVE_END},
        {INPUT_HOME, 'g', 0, -MOVE_END},
    };

    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        bool letter = input->kind == INPUT_TEXT && !typing && moves[i].letter == input->text[0];
        bool ctrl = input->kind == INPUT_CTRL && moves[i].ctrl == input->text[0];
        if (input->kind == moves[i].kind || (letter && moves[i].letter != 0) ||
            (ctrl && moves[i].ctrl != 0 && (!typing || moves[i].rows == 1 || moves[i].rows == -1)))
            return moves[i].rows;
    }
    return 0;
}

bool input_edit(const struct input *input, struct field *field)
{
    char ctrl = input->kind == INPUT_CTRL ? input->text[0] : '\0';

    if (input->kind == INPUT_TEXT)
        field_add(field, input->text);
    else if (input->kind == INPUT_BACKSPACE)
        field_backspace(field);
    else if (ctrl == 'w')
        field_erase_word(field);
    else if (ctrl == 'u')
        field_clear(field);
    else
        return false;
    return true;
}

void confirm_open(struct confirm *confirm, const struct action *action, const struct model *model, bool bulk)
{
    const struct tmv_migration *m = model_selected(model);

    memset(confirm, 0, sizeof *confirm);
    if (!m && !bulk)
        return;
    confirm->kind = bulk ? CONFIRM_YES_NO : action->way == ACTION_TYPED ? CONFIRM_TYPED : CONFIRM_YES_NO;
    confirm->operation = action->operation;
    confirm->title = action->name;
    confirm->effect = action->effect;
    confirm->back = action->back;
    confirm->go = action->way == ACTION_TYPED ? "Arm" : action->name;
    confirm->needs_reason = action->needs_reason;
    confirm->offers_keep = action->operation == TMV_OP_ABORT;
    confirm->bulk = bulk;
    confirm->opened_us = model->now_us;
    for (int i = 0; bulk && i < model->fleet.mark_count; i++) {
        const struct tmv_migration *marked = model_find(model, &model->fleet.marks[i]);
        confirm->bulk_ids[i] = model->fleet.marks[i];
        confirm->bulk_generations[i] = marked ? marked->generation : -1;
        confirm->bulk_count = i + 1;
    }
    if (bulk)
        return;
    confirm->migration = m->id;
    confirm->generation = m->generation;
    tenant_typed(&model->names, &m->tenant, confirm->name);
}

static enum confirm_focus next_focus(const struct confirm *confirm, const struct model *model, int step)
{
    struct confirm_warning_text warnings[CONFIRM_WARNINGS];
    bool warned = confirm_warnings(confirm, model, warnings) > 0;
    int focus = (int)confirm->focus;

    do
        focus = (focus + step + CONFIRM_ON_CANCEL + 1) % (CONFIRM_ON_CANCEL + 1);
    while ((focus == CONFIRM_ON_REASON && !confirm->needs_reason) ||
           (focus == CONFIRM_ON_KEEP && !confirm->offers_keep) || (focus == CONFIRM_ON_WARNING && !warned));
    return (enum confirm_focus)focus;
}

/* Space: the first warning that was not seen yet is now. */
static void acknowledge(struct confirm *confirm, const struct model *model)
{
    struct confirm_warning_text warnings[CONFIRM_WARNINGS];
    int count = confirm_warnings(confirm, model, warnings);

    for (int i = 0; i < count; i++) {
        if ((confirm->acknowledged & 1U << warnings[i].warning) != 0)
            continue;
        confirm->acknowledged |= 1U << warnings[i].warning;
        return;
    }
}

static bool all_acknowledged(const struct confirm *confirm, const struct model *model)
{
    struct confirm_warning_text warnings[CONFIRM_WARNINGS];
    int count = confirm_warnings(confirm, model, warnings);

    for (int i = 0; i < count; i++)
        if ((confirm->acknowledged & 1U << warnings[i].warning) == 0)
            return false;
    return true;
}

/* Enter in a field: with nothing typed it is Cancel, the default; else it goes on to what is missing. */
static enum confirm_result enter(struct confirm *confirm, const struct model *model)
{
    char why[TMV_REASON_MAX];
    bool matches = strcmp(confirm->typed.text, confirm->name) == 0;

    if (confirm->focus == CONFIRM_ON_CANCEL || confirm->typed.length == 0)
        return CONFIRM_CLOSED;
    confirm_blocked(confirm, model, why, sizeof why);
    if (confirm->focus != CONFIRM_ON_GO) {
        if (!matches)
            confirm->focus = CONFIRM_ON_NAME;
        else if (confirm->needs_reason && confirm->reason.length == 0)
            confirm->focus = CONFIRM_ON_REASON;
        else if (!all_acknowledged(confirm, model))
            confirm->focus = CONFIRM_ON_WARNING;
        else
            confirm->focus = CONFIRM_ON_GO;
        return CONFIRM_STAYS;
    }
    if (why[0] == '\0') {
        confirm->armed_until_us = model->now_us + CONFIRM_COUNTDOWN_US;
        confirm->shown_us = model->now_us;
    }
    return CONFIRM_STAYS;
}

static void space(struct confirm *confirm, const struct model *model)
{
    if (confirm->focus == CONFIRM_ON_KEEP)
        confirm->keep_events = !confirm->keep_events;
    else if (confirm->focus == CONFIRM_ON_WARNING)
        acknowledge(confirm, model);
}

static void edit(struct confirm *confirm, const struct model *model, const struct input *input)
{
    struct field *field = confirm->focus == CONFIRM_ON_NAME     ? &confirm->typed
                          : confirm->focus == CONFIRM_ON_REASON ? &confirm->reason
                                                                : NULL;

    if (field)
        input_edit(input, field);
    else if (input->kind == INPUT_TEXT && input->text[0] == ' ')
        space(confirm, model);
}

static enum confirm_result typed_key(struct confirm *confirm, const struct model *model,
                                     const struct input *input)
{
    bool paste = input->pasted || input->kind == INPUT_PASTE;

    if (paste && confirm->focus != CONFIRM_ON_REASON) {
        snprintf(confirm->notice, sizeof confirm->notice, "pasted text was dropped: type it");
        return CONFIRM_STAYS;
    }
    switch (input->kind) {
    case INPUT_PASTE:
        return CONFIRM_STAYS;
    case INPUT_ENTER:
        return enter(confirm, model);
    case INPUT_TAB:
    case INPUT_DOWN:
    case INPUT_RIGHT:
        confirm->focus = next_focus(confirm, model, 1);
        return CONFIRM_STAYS;
    case INPUT_BACKTAB:
    case INPUT_UP:
    case INPUT_LEFT:
        confirm->focus = next_focus(confirm, model, -1);
        return CONFIRM_STAYS;
    case INPUT_TEXT:
    case INPUT_CTRL:
    case INPUT_BACKSPACE:
        edit(confirm, model, input);
        return CONFIRM_STAYS;
    case INPUT_NONE:
    case INPUT_ESCAPE:
    case INPUT_HOME:
    case INPUT_END:
    case INPUT_PAGE_UP:
    case INPUT_PAGE_DOWN:
    case INPUT_DELETE:
    case INPUT_F1:
    case INPUT_OTHER:
    case INPUT_RESIZE:
        break;
    }
    return CONFIRM_STAYS;
}

/* A list of names that does not fit is looked through. */
static bool scrolls(struct confirm *confirm, const struct input *input)
{
    int by = input->kind == INPUT_DOWN        ? 1
             : input->kind == INPUT_UP        ? -1
             : input->kind == INPUT_PAGE_DOWN ? 10
             : input->kind == INPUT_PAGE_UP   ? -10
                                              : 0;

    confirm->scroll += by;
    if (confirm->scroll >= confirm->bulk_count)
        confirm->scroll = confirm->bulk_count - 1;
    if (confirm->scroll < 0)
        confirm->scroll = 0;
    return by != 0;
}

static enum confirm_result yes_no_key(struct confirm *confirm, const struct model *model,
                                      const struct input *input)
{
    char why[TMV_REASON_MAX];
    bool yes =
        input->kind == INPUT_TEXT && input->text[0] == 'y' && !input->pasted && input->gap_us >= ALONE_US;

    if (confirm->bulk && scrolls(confirm, input))
        return CONFIRM_STAYS;
    confirm_blocked(confirm, model, why, sizeof why);
    if (!yes || why[0] != '\0' || confirm->yes_until_us > 0)
        return CONFIRM_CLOSED;
    confirm->yes_until_us = input->at_us + ALONE_US;
    return CONFIRM_STAYS;
}

/* Until it was on the screen for a moment. */
static bool is_deaf(const struct confirm *confirm, const struct input *input)
{
    return !confirm->shown || input->at_us - confirm->opened_us < CONFIRM_DEAF_US;
}

enum confirm_result confirm_key(struct confirm *confirm, const struct model *model, const struct input *input)
{
    bool cancels = input->kind == INPUT_ESCAPE || (input->kind == INPUT_CTRL && input->text[0] == 'c');

    if (input->kind == INPUT_RESIZE)
        return CONFIRM_STAYS;
    if (confirm->armed_until_us > 0) { /* any key cancels, and only that */
        confirm->armed_until_us = 0;
        confirm->focus = CONFIRM_ON_CANCEL;
        snprintf(confirm->notice, sizeof confirm->notice, "Countdown cancelled. Nothing was sent.");
        return CONFIRM_STAYS;
    }
    if (cancels)
        return CONFIRM_CLOSED;
    if (is_deaf(confirm, input) && !input->pasted && input->kind != INPUT_PASTE)
        return input->gap_us < ALONE_US ? CONFIRM_CLOSED : CONFIRM_STAYS; /* a paste opens nothing */
    if (input->blind || !confirm->readable) {
        text_copy(confirm->notice, sizeof confirm->notice,
                  input->blind ? "The screen did not move: keys pressed meanwhile were not taken."
                               : "The dialog does not fit: enlarge the terminal, or Esc.");
        return CONFIRM_STAYS;
    }
    confirm->notice[0] = '\0';
    return confirm->kind == CONFIRM_YES_NO ? yes_no_key(confirm, model, input)
                                           : typed_key(confirm, model, input);
}

void confirm_void(struct confirm *confirm)
{
    confirm->armed_until_us = 0;
    confirm->yes_until_us = 0;
}

static void stop_countdown(struct confirm *confirm, const char *why)
{
    confirm_void(confirm);
    confirm->focus = CONFIRM_ON_CANCEL;
    snprintf(confirm->notice, sizeof confirm->notice, "Countdown stopped, nothing was sent: %.140s", why);
}

void confirm_shown(struct confirm *confirm, int64_t now_us, bool stalled)
{
    if (confirm->kind == CONFIRM_NONE)
        return;
    if (!confirm->shown)
        confirm->opened_us = now_us;
    stalled = stalled || (confirm->shown && now_us - confirm->shown_us > UNSEEN_US);
    confirm->shown = true;
    confirm->shown_us = now_us;
    if (confirm->armed_until_us > 0 && (stalled || !confirm->readable))
        stop_countdown(confirm, stalled ? "the screen did not move" : "the dialog does not fit the screen");
    if (stalled)
        confirm->yes_until_us = 0;
}

static void ask_again(struct confirm *confirm, const char *why)
{
    field_clear(&confirm->typed);
    confirm->acknowledged = 0;
    confirm->focus = CONFIRM_ON_NAME;
    confirm_void(confirm);
    text_copy(confirm->notice, sizeof confirm->notice, why);
}

/* Whether the name that is to be typed names another tenant too by now, or is an alias no more. A shorter one
 * would do when a tenant that looked alike is gone; the longer one still says the same. */
static bool name_is_void(const struct confirm *confirm, const char *name_now)
{
    return strncmp(confirm->name, name_now, strlen(name_now)) != 0;
}

/* The person armed what they saw: when it is no longer so, they look again. */
static void void_if_changed(struct confirm *confirm, const struct model *model)
{
    const struct tmv_migration *m = model_find(model, &confirm->migration);
    char why[TMV_REASON_MAX], name[TENANT_NAME_MAX];

    if (!m)
        return;
    if (name_is_void(confirm, tenant_typed(&model->names, &m->tenant, name))) {
        text_copy(confirm->name, sizeof confirm->name, name);
        ask_again(confirm, "The tenant's name is longer now, or another one: look again, then type it.");
        return;
    }
    if (m->generation != confirm->generation) {
        confirm->generation = m->generation;
        ask_again(confirm, "The migration changed meanwhile: look again, then type again.");
        return;
    }
    confirm_blocked(confirm, model, why, sizeof why);
    if (confirm->armed_until_us > 0 && why[0] != '\0')
        stop_countdown(confirm, why);
}

/* A stopped program or machine: what no person could see or stop does not end in an operation. */
static void void_if_unseen(struct confirm *confirm, int64_t now_us)
{
    int64_t until_us = confirm->armed_until_us;

    if (until_us > 0 && (now_us - confirm->shown_us > UNSEEN_US ||
                         (now_us >= until_us && confirm->shown_us < until_us - LAST_US)))
        stop_countdown(confirm, "it was not on the screen to its end");
}

enum confirm_result confirm_tick(struct confirm *confirm, const struct model *model)
{
    if (confirm->kind == CONFIRM_NONE)
        return CONFIRM_STAYS;
    void_if_changed(confirm, model);
    void_if_unseen(confirm, model->now_us);
    if (confirm->armed_until_us > 0 && model->now_us >= confirm->armed_until_us)
        return CONFIRM_SEND;
    if (confirm->yes_until_us > 0 && model->now_us >= confirm->yes_until_us)
        return CONFIRM_SEND;
    return CONFIRM_STAYS;
}

int64_t confirm_deadline_us(const struct confirm *confirm)
{
    if (confirm->kind == CONFIRM_NONE)
        return INT64_MAX;
    if (confirm->yes_until_us > 0)
        return confirm->yes_until_us;
    return confirm->armed_until_us > 0 ? confirm->armed_until_us : INT64_MAX;
}

/* The reason as it is recorded: what was typed, and what was acknowledged. */
static void write_record(struct confirm *confirm, const struct model *model)
{
    struct confirm_warning_text warnings[CONFIRM_WARNINGS];
    int count = confirm_warnings(confirm, model, warnings);
    size_t used = (size_t)snprintf(confirm->record, sizeof confirm->record, "%s", confirm->reason.text);

    for (int i = 0; i < count && used < sizeof confirm->record; i++)
        if ((confirm->acknowledged & 1U << warnings[i].warning) != 0)
            used += (size_t)snprintf(confirm->record + used, sizeof confirm->record - used,
                                     "%sacknowledged: %s", used > 0 ? "; " : "", warnings[i].text);
}

struct tmv_request confirm_request(struct confirm *confirm, const struct model *model)
{
    write_record(confirm, model);
    return (struct tmv_request){
        .operation = confirm->operation,
        .migration = confirm->migration,
        .generation = confirm->generation,
        .reason = confirm->record[0] != '\0' ? confirm->record : NULL,
        .keep_copied_events = confirm->keep_events,
    };
}

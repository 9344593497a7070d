#include "screens/confirm.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "view/attempt.h"
#include "screens/frame.h"
#include "view/gates.h"
#include "view/states.h"
#include "widgets/dialog.h"
#include "widgets/format.h"

#define WIDTH 78                   /* columns of the dialog where there is room */
#define INSIDE (WIDTH - 4)         /* of them for what it says */
#define OTHER_US INT64_C(60000000) /* what somebody else did so lately is worth a warning */

bool confirm_takes(const struct confirm *confirm, int i, const struct tmv_migration *m,
                   char why[TMV_REASON_MAX])
{
    if (m->generation == confirm->bulk_generations[i])
        return tmv_operation_allowed(m, confirm->operation, why);
    snprintf(why, TMV_REASON_MAX, "changed meanwhile");
    return false;
}

static bool any_marked_allows(const struct confirm *confirm, const struct model *model,
                              char why[TMV_REASON_MAX])
{
    snprintf(why, TMV_REASON_MAX, "none is there any more");
    for (int i = 0; i < confirm->bulk_count; i++) {
        const struct tmv_migration *m = model_find(model, &confirm->bulk_ids[i]);
        if (m && confirm_takes(confirm, i, m, why))
            return true;
    }
    return false;
}

/* ---- warnings ---- */

/* The latest entry of the record by somebody else, when it is fresh. */
static const struct tmv_audit_entry *fresh_entry_of_other(const struct model *model,
                                                          const struct tmv_uuid *migration)
{
    int64_t now_us = model_database_now_us(model);
    size_t me = model->who ? strcspn(model->who, "@") : 0;

    for (size_t i = 0; i < model->snapshot->event_count; i++) {
        const struct tmv_audit_entry *entry = &model->snapshot->events[i];
        if (!tmv_uuid_equal(&entry->migration, migration) || entry->operator_name[0] == '\0')
            continue;
        if (now_us - entry->occurred_at_us > OTHER_US)
            return NULL;
        return strncmp(entry->operator_name, model->who ? model->who : "", me) == 0 ? NULL : entry;
    }
    return NULL;
}

static bool warning_holds(const struct confirm *confirm, const struct model *model,
                          const struct tmv_migration *m, struct confirm_warning_text *warning)
{
    const struct tmv_attempt *attempt = attempt_latest(model->snapshot, &m->id);
    const struct tmv_audit_entry *entry = fresh_entry_of_other(model, &m->id);
    bool cutover = confirm->operation == TMV_OP_CUTOVER;
    char number[FORMAT_MAX];

    switch (warning->warning) {
    case WARNING_ROLLED_BACK:
        if (!cutover || !attempt || attempt->outcome != TMV_ATTEMPT_ROLLED_BACK)
            return false;
        snprintf(warning->text, sizeof warning->text, "the last attempt was rolled back: %.150s",
                 attempt->reason);
        return true;
    case WARNING_UNPREDICTED:
        snprintf(warning->text, sizeof warning->text, "the pause was never measured; run :rehearse first");
        return cutover && m->predicted_pause_us < 0;
    case WARNING_OTHER:
        if (!entry)
            return false;
        snprintf(warning->text, sizeof warning->text, "%.60s acted on it a moment ago: %.60s",
                 entry->operator_name, entry->event_type);
        return true;
    case WARNING_COPIED:
        snprintf(warning->text, sizeof warning->text, "the copy is complete: %s events were copied",
                 format_grouped(m->events_copied, number));
        return confirm->operation == TMV_OP_ABORT && m->phase == TMV_PHASE_DUAL_WRITE &&
               !confirm->keep_events;
    case CONFIRM_WARNINGS:
        break;
    }
    return false;
}

int confirm_warnings(const struct confirm *confirm, const struct model *model,
                     struct confirm_warning_text ret_warnings[CONFIRM_WARNINGS])
{
    const struct tmv_migration *m = model_find(model, &confirm->migration);
    int count = 0;

    for (int i = 0; m && confirm->kind == CONFIRM_TYPED && i < CONFIRM_WARNINGS; i++) {
        ret_warnings[count].warning = (enum confirm_warning)i;
        count += warning_holds(confirm, model, m, &ret_warnings[count]);
    }
    return count;
}

static bool is_unseen(const struct confirm *confirm, const struct model *model)
{
    struct confirm_warning_text warnings[CONFIRM_WARNINGS];
    int count = confirm_warnings(confirm, model, warnings);

    for (int i = 0; i < count; i++)
        if ((confirm->acknowledged & 1U << warnings[i].warning) == 0)
            return true;
    return false;
}

/* Whether the operation is possible as the latest picture has it; else `why` not. */
static bool is_allowed(const struct confirm *confirm, const struct model *model,
                       const struct tmv_migration *m, char why[TMV_REASON_MAX])
{
    if (confirm->bulk)
        return any_marked_allows(confirm, model, why);
    return tmv_operation_allowed(m, confirm->operation, why) &&
           (confirm->operation != TMV_OP_CUTOVER || tmv_cutover_facts(m, why));
}

/* What the age or the content of the picture says against it; "" nothing. */
static void blocked_by_state(const struct confirm *confirm, const struct model *model, char *why, size_t size)
{
    const struct tmv_migration *m = model_find(model, &confirm->migration);
    enum freshness fresh = model_freshness(model);
    char reason[TMV_REASON_MAX] = "";

    why[0] = '\0';
    if (!m && !confirm->bulk)
        snprintf(why, size, "the migration is gone");
    else if (fresh != FRESH_LIVE && fresh != FRESH_LAG)
        snprintf(why, size, "the data on screen is stale");
    else if (!is_allowed(confirm, model, m, reason))
        text_copy(why, size, reason);
}

void confirm_blocked(const struct confirm *confirm, const struct model *model, char *why, size_t size)
{
    blocked_by_state(confirm, model, why, size);
    if (why[0] != '\0' || confirm->kind != CONFIRM_TYPED)
        return;
    if (confirm->typed.length == 0)
        snprintf(why, size, "type the name first");
    else if (strcmp(confirm->typed.text, confirm->name) != 0)
        snprintf(why, size, "name does not match yet");
    else if (confirm->needs_reason && confirm->reason.length == 0)
        snprintf(why, size, "give a reason");
    else if (is_unseen(confirm, model))
        snprintf(why, size, "acknowledge the warning");
}

static void labelled(struct canvas *canvas, struct rect *rest, const char *label, const char *text)
{
    struct rect line = *rest;
    int rows;

    if (rest->h < 1)
        return;
    canvas_text(canvas, line, 0, ROLE_TEXT_DIM, label);
    line.x += 8;
    line.w -= 8;
    line.h = rest->h > 3 ? 3 : rest->h;
    rows = canvas_wrap(canvas, line, ROLE_TEXT, text);
    rect_top(rest, rows < 1 ? 1 : rows);
}

static void draw_gates(const struct tmv_migration *m, const struct model *model, struct canvas *canvas,
                       struct rect *rest)
{
    char age[FORMAT_MAX], text[64];
    struct line line = line_begin(canvas, rect_top(rest, 1));
    size_t green = gates_green(m);
    struct rect list = *rest;

    snprintf(text, sizeof text, "%zu of %zu", green, m->gate_count);
    line_try_right(&line, green == m->gate_count ? ROLE_LEVEL_OK : ROLE_LEVEL_CRIT, text);
    line_put(&line, ROLE_HEADING, "Gates");
    line_putf(&line, ROLE_TEXT_DIM, " (live, %s old; nothing starts on one older than 5 s)",
              format_duration(model_age_us(model), age));
    list.h = rest->h - 5;
    rect_top(rest, gates_draw(m, canvas, list));
}

static void draw_effect(const struct confirm *confirm, const struct tmv_migration *m, struct canvas *canvas,
                        struct rect *rest)
{
    char text[400], pause[FORMAT_MAX];

    if (confirm->operation == TMV_OP_CUTOVER && m->predicted_pause_us >= 0)
        snprintf(text, sizeof text, "%s Predicted pause: %s.", confirm->effect,
                 format_duration(m->predicted_pause_us, pause));
    else
        text_copy(text, sizeof text, confirm->effect);
    labelled(canvas, rest, "Effect", text);
    labelled(canvas, rest, "Back", confirm->back);
}

#define NAME_WORDS 36 /* columns of the line around a name that has room for the field, too */

/* A name that leaves no room for the field gets lines of its own: what cannot be read is not confirmed. */
static int name_rows(const struct confirm *confirm, int width)
{
    int name = text_width(confirm->name);

    return 2 * name + NAME_WORDS <= width ? 0 : 1 + (name + width - 1) / (width > 0 ? width : 1);
}

static void draw_name(const struct confirm *confirm, struct canvas *canvas, struct rect *rest, bool focus)
{
    int rows = name_rows(confirm, rest->w);
    struct line words = line_begin(canvas, rect_top(rest, 1));

    line_put(&words, ROLE_TEXT, "Type ");
    line_put(&words, rows > 0 ? ROLE_TEXT : ROLE_TEXT_STRONG, rows > 0 ? "this name" : confirm->name);
    line_put(&words, ROLE_TEXT, " to arm: ");
    line_try_right(&words, ROLE_TEXT_DIM, " paste is off");
    if (rows > 0) {
        canvas_wrap(canvas, rect_top(rest, rows - 1), ROLE_TEXT_STRONG, confirm->name);
        words = line_begin(canvas, rect_top(rest, 1));
    }
    field_draw(&confirm->typed, canvas, words.rest, focus);
}

static void draw_inputs(const struct confirm *confirm, struct canvas *canvas, struct rect *rest)
{
    bool typing = confirm->armed_until_us == 0;
    struct line words;

    draw_name(confirm, canvas, rest, typing && confirm->focus == CONFIRM_ON_NAME);
    if (confirm->needs_reason) {
        words = line_begin(canvas, rect_top(rest, 1));
        line_put(&words, ROLE_TEXT, "Reason (required): ");
        field_draw(&confirm->reason, canvas, words.rest, typing && confirm->focus == CONFIRM_ON_REASON);
    }
    if (confirm->offers_keep) {
        words = line_begin(canvas, rect_top(rest, 1));
        line_put(&words, confirm->focus == CONFIRM_ON_KEEP ? ROLE_HEADER_ACTIVE : ROLE_TEXT,
                 confirm->keep_events ? "[x] keep the copied events on the target"
                                      : "[ ] keep the copied events on the target");
        line_put(&words, ROLE_TEXT_DIM, "  (Space)");
    }
}

static void draw_warnings(const struct confirm *confirm, const struct model *model, struct canvas *canvas,
                          struct rect *rest)
{
    struct confirm_warning_text warnings[CONFIRM_WARNINGS];
    int count = confirm_warnings(confirm, model, warnings);
    bool next = confirm->focus == CONFIRM_ON_WARNING; /* Space takes the first that was not seen */

    for (int i = 0; i < count && rest->h > 2; i++) {
        bool seen = (confirm->acknowledged & 1U << warnings[i].warning) != 0;
        struct line line = line_begin(canvas, rect_top(rest, 1));
        line_try_right(&line, ROLE_TEXT_DIM, seen ? " seen" : next ? " Space: I know" : " Tab, Space");
        line_put(&line, next && !seen ? ROLE_HEADER_ACTIVE : ROLE_LEVEL_WARN, seen ? "[x]" : "[ ]");
        line_putf(&line, seen ? ROLE_TEXT : ROLE_LEVEL_WARN, " ! %s", warnings[i].text);
        next = next && seen;
    }
}

/* Somebody else may be about to do the same, or the opposite: only one of them will be first. */
static void draw_other(const struct confirm *confirm, const struct model *model, struct canvas *canvas,
                       struct rect *rest)
{
    char text[160];

    if (rest->h > 0 && model_dialog_words(model, &confirm->migration, text, sizeof text)[0] != '\0')
        canvas_fit(canvas, rect_top(rest, 1), ROLE_LEVEL_WARN, text);
}

static void draw_buttons(const struct confirm *confirm, const struct model *model, struct canvas *canvas,
                         struct rect line)
{
    char why[TMV_REASON_MAX], label[TMV_REASON_MAX + 40];
    struct button buttons[2] = {{"Cancel", true, confirm->focus == CONFIRM_ON_CANCEL}, {label, false, false}};

    confirm_blocked(confirm, model, why, sizeof why);
    snprintf(label, sizeof label, "%s%s%s", confirm->go, why[0] ? ": " : "", why);
    buttons[1].enabled = why[0] == '\0';
    buttons[1].focus = confirm->focus == CONFIRM_ON_GO;
    dialog_buttons(canvas, line, buttons, 2);
}

static void draw_armed(const struct confirm *confirm, const struct model *model, struct canvas *canvas,
                       struct rect line)
{
    int64_t left = confirm->armed_until_us - model->now_us;
    struct line words = line_begin(canvas, line);

    canvas_fill(canvas, line, ROLE_CONFIRM_READY, " ");
    line_putf(&words, ROLE_CONFIRM_READY,
              " ARMED  starting in %d s   any key cancels. Nothing has been sent yet.",
              (int)((left < 0 ? 0 : left) / 1000000) + 1);
}

static void upper(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - 'a' + 'A');
}

/* The last line has the keys of the dialog, where there is room. */
static struct rect dialog_area(const struct canvas *canvas)
{
    struct rect area = canvas_all(canvas);

    rect_bottom(&area, canvas->rows >= 16 ? 1 : 0);
    return area;
}

static bool draw_typed(const struct confirm *confirm, const struct model *model,
                       const struct tmv_migration *m, struct canvas *canvas)
{
    bool gates = confirm->operation == TMV_OP_CUTOVER;
    struct confirm_warning_text warnings[CONFIRM_WARNINGS];
    int inside = canvas->cols < WIDTH ? canvas->cols - 4 : INSIDE;
    int inputs = 1 + name_rows(confirm, inside) + confirm->needs_reason + confirm->offers_keep;
    int rows = 8 + inputs + (gates ? 2 + gates_rows(m, inside) : 0) +
               confirm_warnings(confirm, model, warnings) +
               (model_dialog_of_other(model, &confirm->migration) ? 1 : 0);
    char title[TENANT_NAME_MAX + 2 * 64 + 40], badge[40], name[TENANT_NAME_MAX];
    struct rect in, buttons;
    bool readable;

    snprintf(title, sizeof title, "%s %s   %.60s → %.60s", confirm->title,
             tenant_name(&model->names, &m->tenant, name), m->source, m->target);
    snprintf(badge, sizeof badge, "%s%.30s%s", model->environment_kind ? "[" : "",
             model->environment_kind ? model->environment_kind : "", model->environment_kind ? "]" : "");
    upper(title, strlen(confirm->title));
    upper(badge, strlen(badge));
    in = dialog_frame(canvas, dialog_area(canvas), (struct rect){0, 0, WIDTH, rows + 2}, DIALOG_DANGER, title,
                      badge);
    buttons = rect_bottom(&in, 1);
    if (gates && in.h > 7 + inputs)
        draw_gates(m, model, canvas, &in);
    draw_warnings(confirm, model, canvas, &in);
    if (in.h > 1 + inputs)
        draw_other(confirm, model, canvas, &in);
    if (in.h > 5 + inputs)
        draw_effect(confirm, m, canvas, &in);
    if (in.h > 1 + inputs)
        rect_top(&in, 1);
    readable = in.h >= inputs;
    draw_inputs(confirm, canvas, &in);
    if (confirm->notice[0] != '\0')
        canvas_fit(canvas, rect_bottom(&in, 1), ROLE_LEVEL_WARN, confirm->notice);
    if (confirm->armed_until_us > 0)
        draw_armed(confirm, model, canvas, buttons);
    else
        draw_buttons(confirm, model, canvas, buttons);
    return readable;
}

static bool draw_yes_no(const struct confirm *confirm, const struct model *model, struct canvas *canvas)
{
    struct rect in = dialog_frame(canvas, dialog_area(canvas), (struct rect){0, 0, 64, 7}, DIALOG_PLAIN,
                                  confirm->title, "");
    struct rect keys = rect_bottom(&in, 1);
    const struct tmv_migration *m = model_find(model, &confirm->migration);
    char why[TMV_REASON_MAX], text[TENANT_NAME_MAX + 300], name[TENANT_NAME_MAX];
    struct line line = line_begin(canvas, keys);

    snprintf(text, sizeof text, "%s: %s", m ? tenant_name(&model->names, &m->tenant, name) : confirm->name,
             confirm->effect);
    rect_top(&in, canvas_wrap(canvas, in, ROLE_TEXT, text));
    draw_other(confirm, model, canvas, &in);
    confirm_blocked(confirm, model, why, sizeof why);
    if (why[0] != '\0') {
        line_putf(&line, ROLE_DISABLED, "(y %s: %s)", confirm->go, why);
        return in.h > 0;
    }
    line_put(&line, ROLE_KEY, "y");
    line_putf(&line, ROLE_KEY_LABEL, " %s   ", confirm->go);
    line_put(&line, ROLE_KEY, "any other key");
    line_put(&line, ROLE_KEY_LABEL, " cancels");
    return in.h > 0;
}

/* Every marked one by name; those that it cannot be done to now say why. */
static void draw_names(const struct confirm *confirm, const struct model *model, struct canvas *canvas,
                       struct rect area)
{
    int columns = area.w >= 66 ? 2 : 1, width = area.w / columns;
    int from = confirm->scroll * columns, most = area.h * columns;

    for (int i = 0; i < most && from + i < confirm->bulk_count; i++) {
        struct rect cell = {area.x + i % columns * width, area.y + i / columns, width - 1, 1};
        const struct tmv_migration *m = model_find(model, &confirm->bulk_ids[from + i]);
        struct line line = line_begin(canvas, cell);
        char why[TMV_REASON_MAX] = "", name[TENANT_NAME_MAX];
        if (!m)
            continue;
        tenant_name(&model->names, &m->tenant, name);
        if (confirm_takes(confirm, from + i, m, why)) {
            line_putf(&line, state_look(m->show)->role, "%s ", state_look(m->show)->glyph);
            line_put(&line, ROLE_TEXT_STRONG, name);
        } else {
            line_putf(&line, ROLE_DISABLED, "(%s: %s)", name, why);
        }
    }
}

static int names_allowed(const struct confirm *confirm, const struct model *model)
{
    char why[TMV_REASON_MAX];
    int allowed = 0;

    for (int i = 0; i < confirm->bulk_count; i++) {
        const struct tmv_migration *m = model_find(model, &confirm->bulk_ids[i]);
        allowed += m && confirm_takes(confirm, i, m, why);
    }
    return allowed;
}

static const char *in_parts(int rows, int room)
{
    return rows > room ? "↓ ↑ for more" : "";
}

static void draw_bulk(const struct confirm *confirm, const struct model *model, struct canvas *canvas)
{
    int columns = canvas->cols >= 72 ? 2 : 1;
    int names = (confirm->bulk_count + columns - 1) / columns;
    char title[80], why[TMV_REASON_MAX];
    struct rect in, keys;
    struct line line;

    snprintf(title, sizeof title, "%s %d of %d marked", confirm->title, names_allowed(confirm, model),
             confirm->bulk_count);
    in = dialog_frame(canvas, dialog_area(canvas), (struct rect){0, 0, 78, names + 6}, DIALOG_PLAIN, title,
                      in_parts(names, canvas->rows - 6));
    keys = rect_bottom(&in, 1);
    canvas_fit(canvas, rect_top(&in, 1), ROLE_TEXT, confirm->effect);
    rect_top(&in, in.h > 4 ? 1 : 0);
    rect_bottom(&in, in.h > 4 ? 1 : 0);
    draw_names(confirm, model, canvas, in);
    line = line_begin(canvas, keys);
    confirm_blocked(confirm, model, why, sizeof why);
    if (why[0] != '\0') {
        line_putf(&line, ROLE_DISABLED, "(y %s: %s)", confirm->go, why);
        return;
    }
    line_put(&line, ROLE_KEY, "y");
    line_putf(&line, ROLE_KEY_LABEL, " %s them   ", confirm->go);
    line_put(&line, ROLE_KEY, "any other key");
    line_put(&line, ROLE_KEY_LABEL, " cancels");
}

/* Without room for the dialog: one line that still says what is open and how to leave it. */
static void draw_small(const struct confirm *confirm, const struct model *model, struct canvas *canvas)
{
    struct rect line = {0, canvas->rows - 1, canvas->cols, 1};
    char text[TENANT_NAME_MAX + 80];

    canvas_fill(canvas, line, ROLE_DANGER, " ");
    if (confirm->armed_until_us > 0)
        draw_armed(confirm, model, canvas, line);
    else {
        snprintf(text, sizeof text, "%s %s: enlarge, or Esc cancels", confirm->title, confirm->name);
        canvas_fit(canvas, line, ROLE_DANGER, text);
    }
}

bool confirm_draw(const struct confirm *confirm, const struct model *model, struct canvas *canvas)
{
    const struct tmv_migration *m = model_find(model, &confirm->migration);

    if (confirm->kind == CONFIRM_NONE)
        return true;
    if ((!m && !confirm->bulk) || canvas->cols < FRAME_COLS || canvas->rows < FRAME_ROWS) {
        draw_small(confirm, model, canvas);
        return false;
    }
    if (confirm->bulk)
        draw_bulk(confirm, model, canvas);
    else if (confirm->kind == CONFIRM_YES_NO)
        return draw_yes_no(confirm, model, canvas);
    else
        return draw_typed(confirm, model, m, canvas);
    return true;
}

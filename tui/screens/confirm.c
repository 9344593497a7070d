#include "screens/confirm.h"

#include <stdio.h>
#include <string.h>

#include "screens/frame.h"
#include "screens/states.h"
#include "widgets/dialog.h"
#include "widgets/format.h"

static const struct tmv_gate *red_gate(const struct tmv_migration *m)
{
    for (size_t i = 0; i < m->gate_count; i++)
        if (!m->gates[i].green)
            return &m->gates[i];
    return NULL;
}

/* What the picture of the migration says against it. */
static void blocked_by_state(const struct confirm *confirm, const struct model *model, char *why, size_t size)
{
    const struct tmv_migration *m = model_find(model, &confirm->migration);
    enum freshness fresh = model_freshness(model);
    const struct tmv_gate *red = m != NULL && confirm->operation == TMV_OP_CUTOVER ? red_gate(m) : NULL;
    char reason[TMV_REASON_MAX] = "";

    why[0] = '\0';
    if (m == NULL)
        snprintf(why, size, "the migration is gone");
    else if (fresh != FRESH_LIVE && fresh != FRESH_LAG)
        snprintf(why, size, "the picture is old");
    else if (!tmv_operation_allowed(m, confirm->operation, reason))
        snprintf(why, size, "%s", reason);
    else if (red != NULL)
        snprintf(why, size, "gate is red: %s", red->name);
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
    size_t green = 0;
    int columns = rest->w >= 66 ? 2 : 1, width = rest->w / columns, x = 0;

    for (size_t i = 0; i < m->gate_count; i++)
        green += m->gates[i].green;
    snprintf(text, sizeof text, "%zu of %zu", green, m->gate_count);
    line_try_right(&line, green == m->gate_count ? ROLE_LEVEL_OK : ROLE_LEVEL_CRIT, text);
    line_put(&line, ROLE_HEADING, "Gates");
    line_putf(&line, ROLE_TEXT_DIM, " (live, %s old)", format_duration(model_age_us(model), age));
    for (size_t i = 0; i < m->gate_count && rest->h > 5; i++) {
        const struct tmv_gate *gate = &m->gates[i];
        line = line_begin(canvas, (struct rect){rest->x + x * width, rest->y, width - 1, 1});
        line_put(&line, gate->green ? ROLE_LEVEL_OK : ROLE_LEVEL_CRIT, gate->green ? "✓ " : "✗ ");
        line_put(&line, gate->green ? ROLE_TEXT : ROLE_TEXT_STRONG, gate->name);
        line_putf(&line, ROLE_TEXT_DIM, "  %s", gate->seen);
        x = (x + 1) % columns;
        if (x == 0 || i + 1 == m->gate_count)
            rect_top(rest, 1);
    }
}

static void draw_effect(const struct confirm *confirm, const struct tmv_migration *m, struct canvas *canvas,
                        struct rect *rest)
{
    char text[400], pause[FORMAT_MAX];

    if (confirm->operation == TMV_OP_CUTOVER && m->predicted_pause_us >= 0)
        snprintf(text, sizeof text, "%s Predicted pause: %s.", confirm->effect,
                 format_duration(m->predicted_pause_us, pause));
    else
        snprintf(text, sizeof text, "%s", confirm->effect);
    labelled(canvas, rest, "Effect", text);
    labelled(canvas, rest, "Back", confirm->back);
}

static void draw_inputs(const struct confirm *confirm, struct canvas *canvas, struct rect *rest)
{
    struct rect line = rect_top(rest, 1);
    struct line words = line_begin(canvas, line);
    bool typing = confirm->armed_until_us == 0;

    line_put(&words, ROLE_TEXT, "Type ");
    line_put(&words, ROLE_TEXT_STRONG, confirm->name);
    line_put(&words, ROLE_TEXT, " to arm: ");
    line_try_right(&words, ROLE_TEXT_DIM, " paste is off");
    field_draw(&confirm->typed, canvas, words.rest, typing && confirm->focus == CONFIRM_ON_NAME);
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

static void draw_typed(const struct confirm *confirm, const struct model *model,
                       const struct tmv_migration *m, struct canvas *canvas)
{
    bool gates = confirm->operation == TMV_OP_CUTOVER;
    int columns = canvas->cols >= 74 ? 2 : 1;
    int rows = 9 + (gates ? 2 + ((int)m->gate_count + columns - 1) / columns : 0) + confirm->needs_reason +
               confirm->offers_keep;
    char title[TENANT_NAME_MAX + 2 * 64 + 40], badge[40];
    struct rect in, buttons;

    snprintf(title, sizeof title, "%s %s   %.60s → %.60s", confirm->title, confirm->name, m->source,
             m->target);
    snprintf(badge, sizeof badge, "%s%.30s%s", model->environment_kind ? "[" : "",
             model->environment_kind ? model->environment_kind : "", model->environment_kind ? "]" : "");
    upper(title, strlen(confirm->title));
    upper(badge, strlen(badge));
    in = dialog_frame(canvas, canvas_all(canvas), (struct rect){0, 0, 78, rows + 2}, DIALOG_DANGER, title,
                      badge);
    buttons = rect_bottom(&in, 1);
    if (gates && in.h > 8)
        draw_gates(m, model, canvas, &in);
    if (in.h > 6)
        draw_effect(confirm, m, canvas, &in);
    if (in.h > 4)
        rect_top(&in, 1);
    draw_inputs(confirm, canvas, &in);
    if (confirm->notice[0] != '\0')
        canvas_fit(canvas, rect_bottom(&in, 1), ROLE_LEVEL_WARN, confirm->notice);
    if (confirm->armed_until_us > 0)
        draw_armed(confirm, model, canvas, buttons);
    else
        draw_buttons(confirm, model, canvas, buttons);
}

static void draw_yes_no(const struct confirm *confirm, const struct model *model, struct canvas *canvas)
{
    struct rect in = dialog_frame(canvas, canvas_all(canvas), (struct rect){0, 0, 64, 7}, DIALOG_PLAIN,
                                  confirm->title, "");
    struct rect keys = rect_bottom(&in, 1);
    char why[TMV_REASON_MAX], text[TENANT_NAME_MAX + 300];
    struct line line = line_begin(canvas, keys);

    snprintf(text, sizeof text, "%s: %s", confirm->name, confirm->effect);
    canvas_wrap(canvas, in, ROLE_TEXT, text);
    confirm_blocked(confirm, model, why, sizeof why);
    if (why[0] != '\0') {
        line_putf(&line, ROLE_DISABLED, "(y %s: %s)", confirm->go, why);
        return;
    }
    line_put(&line, ROLE_KEY, "y");
    line_putf(&line, ROLE_KEY_LABEL, " %s   ", confirm->go);
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

void confirm_draw(const struct confirm *confirm, const struct model *model, struct canvas *canvas)
{
    const struct tmv_migration *m = model_find(model, &confirm->migration);

    if (confirm->kind == CONFIRM_NONE)
        return;
    if (m == NULL || canvas->cols < FRAME_COLS || canvas->rows < FRAME_ROWS)
        draw_small(confirm, model, canvas);
    else if (confirm->kind == CONFIRM_YES_NO)
        draw_yes_no(confirm, model, canvas);
    else
        draw_typed(confirm, model, m, canvas);
}

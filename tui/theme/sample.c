#include "theme/sample.h"

#include <stdio.h>

#include "widgets/chart.h"
#include "widgets/dialog.h"

struct piece {
    enum role role;
    const char *text;
};

/* One line each; words as they stand on the screens. */
static const struct piece header[] = {
    {ROLE_HEADER, " tenantmv  prod-eu "},
    {ROLE_ENV_PROD, "[PROD]"},
    {ROLE_HEADER, " "},
    {ROLE_ENV_STAGING, "[STAGING]"},
    {ROLE_HEADER, " "},
    {ROLE_ENV_DEV, "[DEV]"},
    {ROLE_HEADER_TAB, "  amy   "},
    {ROLE_MODE_OPERATE, "[OPERATE]"},
    {ROLE_FRESH_LIVE, " LIVE 0.4s "},
    {ROLE_HEADER, " 14:02:31Z "},
    {ROLE_TEXT, 0},
};
static const struct piece modes[] = {
    {ROLE_HEADER_ACTIVE, "[1 Fleet]"},
    {ROLE_TEXT_DIM, " 2 Migration "},
    {ROLE_MODE_READONLY, "[READ-ONLY]"},
    {ROLE_TEXT, " "},
    {ROLE_MODE_FROZEN, "[FROZEN]"},
    {ROLE_TEXT, " "},
    {ROLE_MODE_REPLAY, "[REPLAY]"},
    {ROLE_TEXT, " "},
    {ROLE_FRESH_LAG, " LAG 3s "},
    {ROLE_FRESH_STALE, " STALE 7s "},
    {ROLE_FRESH_OFFLINE, " OFFLINE 00:42 "},
    {ROLE_TEXT, 0},
};
static const struct piece states_one[] = {
    {ROLE_STATE_PENDING, " · PENDING "}, {ROLE_STATE_COPY, " ▶ COPY "},
    {ROLE_STATE_SYNC, " ▶ SYNC "},       {ROLE_STATE_READY, " ◆ READY "},
    {ROLE_STATE_CUTOVER, " ● CUTOVER "}, {ROLE_STATE_HOLD, " ✓ HOLD "},
    {ROLE_STATE_DONE, " ✓ DONE "},       {ROLE_TEXT, 0},
};
static const struct piece states_two[] = {
    {ROLE_STATE_PAUSED, " ‖ PAUSED "},     {ROLE_TEXT, " "},
    {ROLE_STATE_THROTTLED, "≈ THROTTLED"}, {ROLE_TEXT, " "},
    {ROLE_STATE_FAILED, " ✗ FAILED "},     {ROLE_TEXT, " "},
    {ROLE_STATE_ABORTED, "· ABORTED"},     {ROLE_TEXT, "  "},
    {ROLE_STATE_ORPHAN, "? ORPHAN"},       {ROLE_TEXT, 0},
};
static const struct piece texts[] = {
    {ROLE_TEXT, " text "},
    {ROLE_TEXT_DIM, "dim "},
    {ROLE_TEXT_STRONG, "strong "},
    {ROLE_HEADING, "HEADING "},
    {ROLE_HINT, "hint "},
    {ROLE_MATCH, "match"},
    {ROLE_TEXT, " "},
    {ROLE_CHANGED, "changed "},
    {ROLE_DISABLED, "(disabled) "},
    {ROLE_INPUT, "input"},
    {ROLE_TEXT, " "},
    {ROLE_INPUT_BAD, "bad input"},
    {ROLE_MARK, " * mark"},
    {ROLE_TEXT, 0},
};
static const struct piece levels[] = {
    {ROLE_LEVEL_OK, " ✓ ok  "}, {ROLE_LEVEL_WARN, "! warning  "}, {ROLE_LEVEL_CRIT, "✗ critical   "},
    {ROLE_LOG_DEBUG, "debug "}, {ROLE_LOG_INFO, "info "},         {ROLE_LOG_OK, "ok "},
    {ROLE_LOG_WARN, "warn "},   {ROLE_LOG_ERROR, "error"},        {ROLE_TEXT, 0},
};
static const struct piece toasts[] = {
    {ROLE_TOAST_OK, " Paused fjord-labs "},
    {ROLE_TEXT, " "},
    {ROLE_TOAST_ERROR, " refused: the lag is above the gate "},
    {ROLE_TEXT, 0},
};
static const struct piece keys[] = {
    {ROLE_KEY, " p"},
    {ROLE_KEY_LABEL, " pause "},
    {ROLE_KEY, " c"},
    {ROLE_KEY_LABEL, " cutover… "},
    {ROLE_DISABLED, "(r resume)"},
    {ROLE_FOOTER, "  footer "},
    {ROLE_KEY, " ?"},
    {ROLE_KEY_LABEL, " help"},
    {ROLE_TEXT, 0},
};

static void draw_pieces(struct canvas *canvas, struct rect *area, const struct piece *pieces)
{
    struct line line = line_begin(canvas, rect_top(area, 1));

    for (; pieces->text != 0; pieces++)
        line_put(&line, pieces->role, pieces->text);
}

static void draw_row(struct canvas *canvas, struct rect line)
{
    canvas_text(canvas, line, 1, ROLE_STATE_SYNC, "▶ SYNC");
    canvas_text(canvas, line, 10, ROLE_TEXT_STRONG, "cobalt-retail");
    canvas_text(canvas, line, 26, ROLE_TEXT, "the row under the cursor");
    canvas_over(canvas, line, ROLE_SELECTION);
    canvas_text(canvas, line, 0, ROLE_MARK, "▌");
}

static const char *seconds(int64_t value, char text[32])
{
    snprintf(text, 32, "%d s", (int)value);
    return text;
}

static void draw_charts(struct canvas *canvas, struct rect area)
{
    static const int64_t lags[] = {1, 1, 2, 4, 6, 6, 5, 5, 4, 6, 7, 6, 4, 3, 3, 2, 2, 1, 1, 1, 1, 2, 3, 3};
    const struct plot plot = {lags, sizeof lags / sizeof *lags, 3, seconds};
    struct rect line = rect_top(&area, 1), half = line;

    half.w = 36;
    chart_bar(canvas, half, 63);
    half.x = 40;
    half.w = 24;
    chart_spark(canvas, half, lags, sizeof lags / sizeof *lags, 1);
    chart_plot(canvas, area, &plot);
}

static void draw_dialogs(struct canvas *canvas, struct rect area)
{
    static const struct button buttons[] = {{"Cancel", true, true}, {"Arm", false, false}};
    struct rect left = area, right = area, in;

    left.w = right.w = area.w / 2;
    right.x += area.w / 2;
    in = dialog_frame(canvas, left, (struct rect){0, 0, left.w - 2, 5}, DIALOG_DANGER, "CUTOVER acme",
                      "[PROD]");
    canvas_text(canvas, rect_top(&in, 1), 0, ROLE_DANGER, " ARMED  starting in 3 s ");
    canvas_text(canvas, rect_top(&in, 1), 0, ROLE_CONFIRM_READY, " every gate is green ");
    dialog_buttons(canvas, rect_top(&in, 1), buttons, 2);
    in = dialog_frame(canvas, right, (struct rect){0, 0, right.w - 2, 5}, DIALOG_PLAIN, "Sort", "");
    canvas_text(canvas, rect_top(&in, 1), 0, ROLE_BORDER_FOCUS, "border of the pane with the focus");
    canvas_text(canvas, rect_top(&in, 1), 0, ROLE_BORDER, "border of another pane");
}

void sample_draw(struct canvas *canvas)
{
    struct rect area = canvas_all(canvas);

    canvas_clear(canvas);
    canvas_fill(canvas, (struct rect){0, 0, canvas->cols, 1}, ROLE_HEADER, " ");
    draw_pieces(canvas, &area, header);
    draw_pieces(canvas, &area, modes);
    canvas_separator(canvas, rect_top(&area, 1), "states", "");
    draw_pieces(canvas, &area, states_one);
    draw_pieces(canvas, &area, states_two);
    draw_row(canvas, rect_top(&area, 1));
    canvas_separator(canvas, rect_top(&area, 1), "texts", "");
    draw_pieces(canvas, &area, texts);
    draw_pieces(canvas, &area, levels);
    canvas_separator(canvas, rect_top(&area, 1), "numbers", "gate 3 s");
    draw_charts(canvas, rect_top(&area, 8));
    draw_dialogs(canvas, rect_top(&area, 5));
    draw_pieces(canvas, &area, toasts);
    draw_pieces(canvas, &area, keys);
}

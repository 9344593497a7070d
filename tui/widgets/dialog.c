#include "widgets/dialog.h"

#include <stdio.h>

struct frame_glyphs {
    const char *top_left, *top_right, *bottom_left, *bottom_right, *across, *down;
};
static const struct frame_glyphs glyphs[] = {
    [DIALOG_PLAIN] = {"┌", "┐", "└", "┘", "─", "│"},
    [DIALOG_DANGER] = {"╔", "╗", "╚", "╝", "═", "║"},
};

static void frame_line(struct canvas *canvas, struct rect line, enum role role, const char *const glyph[3])
{
    canvas_fill(canvas, line, role, glyph[1]);
    canvas_text(canvas, line, 0, role, glyph[0]);
    canvas_text(canvas, line, line.w - 1, role, glyph[2]);
}

struct rect dialog_frame(struct canvas *canvas, struct rect area, struct rect size, enum dialog_kind kind,
                         const char *title, const char *right)
{
    const struct frame_glyphs *g = &glyphs[kind];
    enum role role = kind == DIALOG_DANGER ? ROLE_DANGER_FRAME : ROLE_BORDER_FOCUS;
    int w = size.w > area.w ? area.w : size.w, h = size.h > area.h ? area.h : size.h;
    struct rect box = {area.x + (area.w - w) / 2, area.y + (area.h - h) / 2, w, h};
    struct rect line;
    struct line words;

    if (w < 8 || h < 3)
        return (struct rect){box.x, box.y, 0, 0};
    canvas_fill(canvas, box, ROLE_TEXT, " ");
    for (int y = 0; y < h; y++) {
        line = (struct rect){box.x, box.y + y, w, 1};
        canvas_text(canvas, line, 0, role, g->down);
        canvas_text(canvas, line, w - 1, role, g->down);
    }
    line.y = box.y;
    frame_line(canvas, line, role, (const char *const[]){g->top_left, g->across, g->top_right});
    words = line_begin(canvas, (struct rect){box.x + 2, box.y, w - 4, 1});
    line_put(&words, role, " ");
    line_put(&words, kind == DIALOG_DANGER ? ROLE_DANGER : ROLE_HEADING, title);
    line_put(&words, role, " ");
    if (right[0] != '\0') {
        line_try_right(&words, role, " ");
        line_try_right(&words, ROLE_TEXT_STRONG, right);
        line_try_right(&words, role, " ");
    }
    line.y = box.y + h - 1;
    frame_line(canvas, line, role, (const char *const[]){g->bottom_left, g->across, g->bottom_right});
    return (struct rect){box.x + 2, box.y + 1, w - 4, h - 2};
}

void dialog_buttons(struct canvas *canvas, struct rect line, const struct button *buttons, int count)
{
    struct line words = line_begin(canvas, line);
    char text[160];

    for (int i = 0; i < count; i++) {
        enum role role = buttons[i].focus     ? ROLE_HEADER_ACTIVE
                         : buttons[i].enabled ? ROLE_KEY
                                              : ROLE_DISABLED;
        snprintf(text, sizeof text, "%c %s %c", buttons[i].enabled ? '[' : '(', buttons[i].label,
                 buttons[i].enabled ? ']' : ')');
        line_put(&words, role, text);
        line_put(&words, ROLE_TEXT, "  ");
    }
}

#include "widgets/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

bool canvas_init(struct canvas *canvas, int cols, int rows)
{
    canvas->cols = cols < 1 ? 1 : cols;
    canvas->rows = rows < 1 ? 1 : rows;
    canvas->words = false;
    canvas->cells = calloc((size_t)canvas->cols * (size_t)canvas->rows, sizeof *canvas->cells);
    if (!canvas->cells)
        return false;
    canvas_clear(canvas);
    return true;
}

void canvas_release(struct canvas *canvas)
{
    free(canvas->cells);
    memset(canvas, 0, sizeof *canvas);
}

void canvas_clear(struct canvas *canvas)
{
    canvas->cursor_x = canvas->cursor_y = -1;
    canvas_fill(canvas, canvas_all(canvas), ROLE_TEXT, " ");
}

struct cell *canvas_at(const struct canvas *canvas, int x, int y)
{
    if (x < 0 || y < 0 || x >= canvas->cols || y >= canvas->rows)
        return NULL;
    return &canvas->cells[(size_t)y * (size_t)canvas->cols + (size_t)x];
}

struct rect canvas_all(const struct canvas *canvas)
{
    return (struct rect){0, 0, canvas->cols, canvas->rows};
}

struct rect rect_top(struct rect *area, int rows)
{
    int h = rows > area->h ? area->h : rows;
    struct rect top = {area->x, area->y, area->w, h < 0 ? 0 : h};

    area->y += top.h;
    area->h -= top.h;
    return top;
}

struct rect rect_bottom(struct rect *area, int rows)
{
    int h = rows > area->h ? area->h : rows;
    struct rect bottom = {area->x, area->y, area->w, h < 0 ? 0 : h};

    area->h -= bottom.h;
    bottom.y += area->h;
    return bottom;
}

static void cell_set(struct cell *cell, const char *text, int width, enum role role)
{
    size_t n = strlen(text); /* a grapheme: always shorter than a cell */

    memcpy(cell->text, text, n < sizeof cell->text ? n + 1 : 0);
    cell->width = (uint8_t)width;
    cell->role = (uint8_t)role;
    cell->over = 0;
}

/* Puts one grapheme; a wide character that is half overwritten leaves a space, never half of itself. */
static void put(struct canvas *canvas, int x, int y, enum role role, const char *text, int width)
{
    struct cell *cell = canvas_at(canvas, x, y), *left = canvas_at(canvas, x - 1, y);
    struct cell *right = canvas_at(canvas, x + width, y);

    if (!cell || (width == 2 && !canvas_at(canvas, x + 1, y)))
        return;
    if (cell->width == 0 && left)
        cell_set(left, " ", 1, (enum role)left->role);
    if (right && right->width == 0)
        cell_set(right, " ", 1, (enum role)right->role);
    cell_set(cell, text, width, role);
    if (width == 2)
        cell_set(cell + 1, "", 0, role);
}

int canvas_text(struct canvas *canvas, struct rect line, int x, enum role role, const char *text)
{
    char grapheme[CELL_BYTES];
    int start = x, width;

    if (line.h < 1)
        return 0;
    for (size_t n; (n = grapheme_next(text, grapheme, &width)) > 0 && x + width <= line.w; text += n) {
        if (x >= 0)
            put(canvas, line.x + x, line.y, role, grapheme, width);
        x += width;
    }
    return x - start;
}

void canvas_fit(struct canvas *canvas, struct rect line, enum role role, const char *text)
{
    int used;

    if (text_width(text) <= line.w) {
        canvas_text(canvas, line, 0, role, text);
        return;
    }
    line.w--;
    used = canvas_text(canvas, line, 0, role, text);
    line.w++;
    canvas_text(canvas, line, used, role, "…");
}

void canvas_fit_right(struct canvas *canvas, struct rect line, enum role role, const char *text)
{
    int width = text_width(text);

    if (width < line.w) {
        line.x += line.w - width;
        line.w = width;
    }
    canvas_fit(canvas, line, role, text);
}

void canvas_fill(struct canvas *canvas, struct rect area, enum role role, const char *grapheme)
{
    for (int y = area.y; y < area.y + area.h; y++)
        for (int x = area.x; x < area.x + area.w; x++)
            put(canvas, x, y, role, grapheme, 1);
}

void canvas_over(struct canvas *canvas, struct rect area, enum role role)
{
    struct cell *cell;

    for (int y = area.y; y < area.y + area.h; y++)
        for (int x = area.x; x < area.x + area.w; x++)
            if ((cell = canvas_at(canvas, x, y)))
                cell->over = (uint8_t)role;
}

/* Up to the last space that fits, or a cut word. */
size_t canvas_wrap_at(const char *text, int width)
{
    char grapheme[CELL_BYTES];
    size_t at = 0, space = 0;
    int used = 0, w;

    for (size_t n; (n = grapheme_next(text + at, grapheme, &w)) > 0; at += n) {
        if (used + w > width && text[at] == ' ')
            return at + 1; /* the blank itself may hang over: it is not drawn */
        if (used + w > width)
            return space > 0 ? space : at > 0 ? at : n;
        if (text[at] == ' ')
            space = at + 1;
        used += w;
    }
    return at;
}

int canvas_wrap(struct canvas *canvas, struct rect area, enum role role, const char *text)
{
    char piece[1024];
    int rows = 0;

    while (*text != '\0' && area.h > 0 && area.w > 0) {
        size_t n = canvas_wrap_at(text, area.w);
        struct rect line = rect_top(&area, 1);
        snprintf(piece, sizeof piece, "%.*s", (int)n, text);
        if (area.h == 0) /* the last row says that there is more */
            text_copy(piece, sizeof piece, text);
        while (area.h > 0 && n > 0 && n < sizeof piece && piece[n - 1] == ' ')
            piece[--n] = '\0', text++;
        canvas_fit(canvas, line, role, piece);
        text += n;
        rows++;
    }
    return rows;
}

int canvas_wrap_rows(const char *text, int width)
{
    struct canvas nothing = {0};

    return canvas_wrap(&nothing, (struct rect){0, 0, width, (int)strlen(text) + 1}, ROLE_TEXT, text);
}

void canvas_separator(struct canvas *canvas, struct rect line, const char *title, const char *right)
{
    struct line words;

    if (line.h < 1)
        return;
    line.h = 1;
    canvas_fill(canvas, line, ROLE_SEPARATOR, "─");
    words = line_begin(canvas, line);
    line_put(&words, ROLE_SEPARATOR, "── ");
    line_put(&words, ROLE_HEADING, title);
    line_put(&words, ROLE_SEPARATOR, " ");
    if (right[0] != '\0' && words.rest.w > text_width(right) + 6) {
        line_try_right(&words, ROLE_SEPARATOR, " ──");
        line_try_right(&words, ROLE_TEXT_DIM, right);
        line_try_right(&words, ROLE_SEPARATOR, " ");
    }
}

struct line line_begin(struct canvas *canvas, struct rect area)
{
    struct line line = {canvas, area};

    line.rest.h = area.h > 0 ? 1 : 0;
    return line;
}

void line_put(struct line *line, enum role role, const char *text)
{
    int width = text_width(text);

    canvas_fit(line->canvas, line->rest, role, text);
    if (width > line->rest.w)
        width = line->rest.w;
    line->rest.x += width;
    line->rest.w -= width;
}

void line_putf(struct line *line, enum role role, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    line_put(line, role, text);
}

bool line_try(struct line *line, enum role role, const char *text)
{
    if (text_width(text) > line->rest.w)
        return false;
    line_put(line, role, text);
    return true;
}

bool line_try_right(struct line *line, enum role role, const char *text)
{
    int width = text_width(text);

    if (width > line->rest.w)
        return false;
    line->rest.w -= width;
    canvas_text(line->canvas, (struct rect){line->rest.x + line->rest.w, line->rest.y, width, line->rest.h},
                0, role, text);
    return true;
}

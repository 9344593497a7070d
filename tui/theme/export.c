#include "theme/export.h"

#include <string.h>

#include "theme/color.h"

/* Of one cell, in the picture's units. */
#define CELL_W 8
#define CELL_H 17
#define BASELINE 13
#define MARGIN 8

static struct style style_of(const struct theme *theme, enum theme_tier tier, const struct cell *cell)
{
    return theme_cell_style(theme, tier, cell);
}

static bool same_style(struct style a, struct style b)
{
    return a.fg == b.fg && a.bg == b.bg && a.attrs == b.attrs;
}

/* ---- SVG ---- */

static void write_colour(FILE *out, struct rgb c)
{
    fprintf(out, "#%02x%02x%02x", c.red, c.green, c.blue);
}

/* Colours of a cell as they are painted: the terminal's own are the theme's background and a readable text.
 */
static void painted(const struct theme *theme, struct style style, struct rgb *ret_fg, struct rgb *ret_bg)
{
    struct rgb paper = theme->light ? (struct rgb){255, 255, 255} : (struct rgb){24, 24, 24};
    struct rgb ink = theme->light ? (struct rgb){28, 28, 28} : (struct rgb){208, 208, 208};

    *ret_fg = style.fg >= 0 ? color_rgb(style.fg) : ink;
    *ret_bg = style.bg >= 0 ? color_rgb(style.bg) : paper;
    if (style.attrs & STYLE_REVERSE) {
        struct rgb swap = *ret_fg;
        *ret_fg = *ret_bg;
        *ret_bg = swap;
    }
}

static void write_escaped(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

/* Cells of one row and one style, from x on; returns the column behind them. */
static int run_end(const struct canvas *canvas, const struct theme *theme, int x, int y)
{
    struct style style = style_of(theme, THEME_256, canvas_at(canvas, x, y));

    for (x++; x < canvas->cols; x++) {
        const struct cell *cell = canvas_at(canvas, x, y);
        if (cell->width > 0 && !same_style(style_of(theme, THEME_256, cell), style))
            break;
    }
    return x;
}

static void svg_background(const struct canvas *canvas, const struct theme *theme, int y, FILE *out)
{
    for (int x = 0, end; x < canvas->cols; x = end) {
        struct style style = style_of(theme, THEME_256, canvas_at(canvas, x, y));
        struct rgb fg, bg;
        end = run_end(canvas, theme, x, y);
        if (style.bg < 0 && !(style.attrs & STYLE_REVERSE))
            continue;
        painted(theme, style, &fg, &bg);
        fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"", MARGIN + x * CELL_W,
                MARGIN + y * CELL_H, (end - x) * CELL_W, CELL_H);
        write_colour(out, bg);
        fputs("\"/>\n", out);
    }
}

static bool is_blank(const struct canvas *canvas, int x, int end, int y)
{
    for (; x < end; x++)
        if (strcmp(canvas_at(canvas, x, y)->text, " ") != 0 && canvas_at(canvas, x, y)->width > 0)
            return false;
    return true;
}

/* `textLength` holds a run to its columns whatever font the viewer has. */
static void svg_text(const struct canvas *canvas, const struct theme *theme, int y, FILE *out)
{
    for (int x = 0, end; x < canvas->cols; x = end) {
        struct style style = style_of(theme, THEME_256, canvas_at(canvas, x, y));
        struct rgb fg, bg;
        end = run_end(canvas, theme, x, y);
        if (is_blank(canvas, x, end, y))
            continue;
        painted(theme, style, &fg, &bg);
        fprintf(out, "<text x=\"%d\" y=\"%d\" textLength=\"%d\" lengthAdjust=\"spacingAndGlyphs\" fill=\"",
                MARGIN + x * CELL_W, MARGIN + y * CELL_H + BASELINE, (end - x) * CELL_W);
        write_colour(out, fg);
        fprintf(out, "\"%s%s>", style.attrs & STYLE_BOLD ? " font-weight=\"bold\"" : "",
                style.attrs & STYLE_UNDERLINE ? " text-decoration=\"underline\"" : "");
        for (int i = x; i < end; i++)
            if (canvas_at(canvas, i, y)->width > 0)
                write_escaped(out, theme_text(theme, canvas_at(canvas, i, y), false));
        fputs("</text>\n", out);
    }
}

void export_svg(const struct canvas *canvas, const struct theme *theme, FILE *out)
{
    int w = 2 * MARGIN + canvas->cols * CELL_W, h = 2 * MARGIN + canvas->rows * CELL_H;
    struct rgb fg, bg;

    painted(theme, (struct style){-1, -1, 0}, &fg, &bg);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
            "font-family=\"'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"13.3\" "
            "xml:space=\"preserve\">\n<rect width=\"%d\" height=\"%d\" fill=\"",
            w, h, w, h, w, h);
    write_colour(out, bg);
    fputs("\"/>\n", out);
    for (int y = 0; y < canvas->rows; y++) {
        svg_background(canvas, theme, y, out);
        svg_text(canvas, theme, y, out);
    }
    fputs("</svg>\n", out);
}

/* ---- a terminal's sequences ---- */

static void write_ansi_colour(FILE *out, enum theme_tier tier, int colour, bool background)
{
    int first = background ? 40 : 30;

    if (colour < 0 || tier == THEME_MONO)
        return;
    if (colour < 8)
        fprintf(out, ";%d", first + colour);
    else if (colour < 16)
        fprintf(out, ";%d", first + 60 + colour - 8);
    else if (tier == THEME_256)
        fprintf(out, ";%d;5;%d", first + 8, colour);
}

static void write_ansi_style(FILE *out, enum theme_tier tier, struct style style)
{
    fputs("\033[0", out);
    if (style.attrs & STYLE_BOLD)
        fputs(";1", out);
    if (style.attrs & STYLE_DIM)
        fputs(";2", out);
    if (style.attrs & STYLE_UNDERLINE)
        fputs(";4", out);
    if (style.attrs & STYLE_REVERSE)
        fputs(";7", out);
    write_ansi_colour(out, tier, style.fg, false);
    write_ansi_colour(out, tier, style.bg, true);
    fputc('m', out);
}

void export_ansi(const struct canvas *canvas, const struct theme *theme, enum theme_tier tier, bool ascii,
                 FILE *out)
{
    for (int y = 0; y < canvas->rows; y++) {
        struct style now = {-1, -1, 0};
        for (int x = 0; x < canvas->cols; x++) {
            const struct cell *cell = canvas_at(canvas, x, y);
            struct style style = style_of(theme, tier, cell);
            if (cell->width == 0)
                continue;
            if (!same_style(style, now))
                write_ansi_style(out, tier, style);
            now = style;
            fputs(theme_text(theme, cell, ascii), out);
            if (ascii && cell->width == 2)
                fputc(' ', out);
        }
        fputs(same_style(now, (struct style){-1, -1, 0}) ? "\n" : "\033[0m\n", out);
    }
}

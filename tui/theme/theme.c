#include "theme/theme.h"

#include <string.h>

#include "theme/embedded.h"
#include "widgets/ascii.h"

static const char *const role_names[] = {
#define ROLE_NAME(name, text, parent) [ROLE_##name] = (text),
    ROLE_LIST(ROLE_NAME)
#undef ROLE_NAME
};

int theme_role(const char *name)
{
    for (int i = 0; i < ROLE_COUNT; i++)
        if (strcmp(role_names[i], name) == 0)
            return i;
    return -1;
}

const char *theme_role_name(enum role role)
{
    return role_names[role];
}

/* Reading the built-in default needs no default to fall back on: it is whole, as a test proves. */
void theme_default(struct theme *ret_theme)
{
    struct theme_report report;

    for (const struct embedded_theme *e = embedded_themes; e->name; e++)
        if (strcmp(e->name, "default-dark") == 0)
            theme_read(e->text, ret_theme, &report);
}

struct style theme_style(const struct theme *theme, enum theme_tier tier, enum role role, enum role over)
{
    struct style style = theme->styles[tier][role], top = theme->styles[tier][over];
    struct style ground = theme->styles[tier][ROLE_TEXT];

    if (over != ROLE_TEXT) {
        if (style.bg < 0) /* a badge keeps its own colours under the selection */
            style.bg = top.bg;
        if (top.fg >= 0 && style.fg < 0)
            style.fg = top.fg;
        style.attrs |= top.attrs;
    }
    if (style.bg < 0)
        style.bg = ground.bg;
    if (style.fg < 0)
        style.fg = ground.fg;
    return style;
}

struct style theme_cell_style(const struct theme *theme, enum theme_tier tier, const struct cell *cell)
{
    struct style own = theme->styles[tier][cell->role];
    struct style style = theme_style(theme, tier, (enum role)cell->role, (enum role)cell->over);

    if (cell->role == ROLE_TEXT || strcmp(cell->text, "█") != 0)
        return style;
    if (own.bg >= 0)
        style.fg = own.bg;
    style.attrs = (uint8_t)(style.attrs & ~(unsigned)STYLE_REVERSE);
    return style;
}

/* Shapes are those of the table of states; words of a state are left alone. */
static bool is_shape(const char *text)
{
    static const char *const shapes[] = {"▶", "◆", "●", "‖", "≈", "✗", "✓", "·", "?"};

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shapes[i], text) == 0)
            return true;
    return false;
}

const char *theme_text(const struct theme *theme, const struct cell *cell, bool ascii)
{
    const struct theme_glyph *glyph = &theme->glyphs[cell->role];

    if (glyph->utf8[0] != '\0' && is_shape(cell->text))
        return ascii ? glyph->ascii : glyph->utf8;
    return ascii ? ascii_for(cell->text) : cell->text;
}

#include "theme/theme.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "theme/default_dark.h"

struct role_entry {
    const char *name;
    enum role parent;
};
static const struct role_entry roles[] = {
#define ROLE_ENTRY(name, text, parent) [ROLE_##name] = {text, ROLE_##parent},
    ROLE_LIST(ROLE_ENTRY)
#undef ROLE_ENTRY
};

/* Roles that must be told from text in every tier. */
static const enum role guarded[] = {
    ROLE_ENV_PROD,    ROLE_MODE_OPERATE, ROLE_MODE_READONLY, ROLE_MODE_FROZEN,
    ROLE_MODE_REPLAY, ROLE_DANGER,       ROLE_FRESH_OFFLINE,
};

#define PALETTE_MAX 32
struct palette_entry {
    char name[32];
    int16_t colour;
};
/* What a file says, before fallbacks are filled in. */
struct reading {
    struct theme *theme;
    bool set[THEME_TIERS][ROLE_COUNT];
    struct palette_entry palette[PALETTE_MAX];
    int palette_count;
    const char *path;
    char *problem; /* first complaint */
    size_t problem_size;
};

int theme_role(const char *name)
{
    for (int i = 0; i < ROLE_COUNT; i++)
        if (strcmp(roles[i].name, name) == 0)
            return i;
    return -1;
}

const char *theme_role_name(enum role role)
{
    return roles[role].name;
}

static void complain(struct reading *r, const char *what, const char *name)
{
    if (r->problem[0] == '\0')
        snprintf(r->problem, r->problem_size, "%s: %s \"%.40s\"", r->path, what, name);
}

/* The nearest of the 256 colours: the 6×6×6 cube or the grey ramp. */
static int16_t nearest_256(int red, int green, int blue)
{
    static const int steps[] = {0, 95, 135, 175, 215, 255};
    int rgb[] = {red, green, blue}, cube[3], grey = (red + green + blue) / 3, ramp, d_cube = 0, d_grey = 0;

    for (int i = 0; i < 3; i++) {
        cube[i] = 0;
        for (int k = 1; k < 6; k++)
            if (abs(steps[k] - rgb[i]) < abs(steps[cube[i]] - rgb[i]))
                cube[i] = k;
        d_cube += (steps[cube[i]] - rgb[i]) * (steps[cube[i]] - rgb[i]);
    }
    ramp = grey < 8 ? 0 : grey > 238 ? 23 : (grey - 3) / 10;
    for (int i = 0; i < 3; i++)
        d_grey += (8 + 10 * ramp - rgb[i]) * (8 + 10 * ramp - rgb[i]);
    if (d_grey < d_cube)
        return (int16_t)(232 + ramp);
    return (int16_t)(16 + 36 * cube[0] + 6 * cube[1] + cube[2]);
}

/* A colour's number: 0 … 255, #rrggbb, $name of the palette, a name of the sixteen, default. */
static bool read_colour(struct reading *r, const char *word, int16_t *ret_colour)
{
    static const char *const names[] = {"black", "red",     "green", "yellow",
                                        "blue",  "magenta", "cyan",  "white"};
    const char *base = strncmp(word, "bright-", 7) == 0 ? word + 7 : word;
    unsigned red, green, blue;
    char *end;
    long number = strtol(word, &end, 10);

    if (end != word && *end == '\0' && number >= 0 && number < 256) {
        *ret_colour = (int16_t)number;
        return true;
    }
    if (strlen(word) == 7 && sscanf(word, "#%2x%2x%2x", &red, &green, &blue) == 3) {
        *ret_colour = nearest_256((int)red, (int)green, (int)blue);
        return true;
    }
    for (int i = 0; word[0] == '$' && i < r->palette_count; i++) {
        if (strcmp(r->palette[i].name, word + 1) == 0) {
            *ret_colour = r->palette[i].colour;
            return true;
        }
    }
    for (int i = 0; i < 8; i++) {
        if (strcmp(names[i], base) == 0) {
            *ret_colour = (int16_t)(i + (base == word ? 0 : 8));
            return true;
        }
    }
    *ret_colour = -1;
    return strcmp(word, "default") == 0;
}

static bool read_attribute(const char *word, uint8_t *attrs)
{
    static const struct {
        const char *name;
        uint8_t bit;
    } names[] = {
        {"+bold", STYLE_BOLD},
        {"+dim", STYLE_DIM},
        {"+underline", STYLE_UNDERLINE},
        {"+reverse", STYLE_REVERSE},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i].name, word) == 0) {
            *attrs |= names[i].bit;
            return true;
        }
    }
    return false;
}

/* One tier: [fg] [on bg] [+attr]…; false when it is empty: the role falls back there. */
static bool read_style(struct reading *r, char *text, struct style *ret_style)
{
    struct style style = {-1, -1, 0};
    bool any = false, background = false;
    char *rest;

    for (char *word = strtok_r(text, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest)) {
        any = true;
        if (strcmp(word, "on") == 0)
            background = true;
        else if (word[0] == '+' ? !read_attribute(word, &style.attrs)
                                : !read_colour(r, word, background ? &style.bg : &style.fg))
            complain(r, "unknown colour or attribute", word);
    }
    *ret_style = style;
    return any;
}

static void read_role(struct reading *r, const char *name, const char *value)
{
    int role = theme_role(name);
    char text[200], *rest = text;

    if (role < 0) {
        complain(r, "unknown role", name);
        return;
    }
    snprintf(text, sizeof text, "%s", value);
    for (int tier = 0; tier < THEME_TIERS && rest != NULL; tier++) {
        char *piece = strsep(&rest, "|");
        struct style style;
        if (read_style(r, piece, &style)) {
            r->theme->styles[tier][role] = style;
            r->set[tier][role] = true;
        }
    }
}

static void read_palette(struct reading *r, const char *name, const char *value)
{
    struct palette_entry *entry = &r->palette[r->palette_count];

    if (r->palette_count == PALETTE_MAX) {
        complain(r, "too many palette names at", name);
        return;
    }
    snprintf(entry->name, sizeof entry->name, "%s", name);
    if (read_colour(r, value, &entry->colour))
        r->palette_count++;
    else
        complain(r, "not a colour:", value);
}

/* Parents stand before children in the list, so one pass settles a chain. */
static void fill_in(struct reading *r)
{
    for (int tier = 0; tier < THEME_TIERS; tier++)
        for (int i = 1; i < ROLE_COUNT; i++)
            if (!r->set[tier][i])
                r->theme->styles[tier][i] = r->theme->styles[tier][roles[i].parent];
}

void theme_default(struct theme *ret_theme)
{
    char problem[8] = "";
    struct reading r = {
        .theme = ret_theme, .path = "built in", .problem = problem, .problem_size = sizeof problem};

    memset(ret_theme, 0, sizeof *ret_theme);
    snprintf(ret_theme->name, sizeof ret_theme->name, "default-dark");
    for (int tier = 0; tier < THEME_TIERS; tier++)
        ret_theme->styles[tier][ROLE_TEXT] = (struct style){-1, -1, 0};
    for (size_t i = 0; i < sizeof default_dark / sizeof *default_dark; i++)
        read_role(&r, default_dark[i].role, default_dark[i].value);
    fill_in(&r);
}

static int on_line(void *user, const char *section, const char *name, const char *value)
{
    struct reading *r = user;

    if (strcmp(section, "roles") == 0)
        read_role(r, name, value);
    else if (strcmp(section, "palette") == 0)
        read_palette(r, name, value);
    else if (strcmp(section, "theme") == 0 && strcmp(name, "name") == 0)
        snprintf(r->theme->name, sizeof r->theme->name, "%s", value);
    else if (strcmp(section, "theme") != 0)
        complain(r, "unknown section", section);
    return 1;
}

static bool same_style(struct style a, struct style b)
{
    return a.fg == b.fg && a.bg == b.bg && a.attrs == b.attrs;
}

bool theme_load(const char *path, struct theme *ret_theme, char *problem, size_t problem_size)
{
    struct reading r = {.theme = ret_theme, .path = path, .problem = problem, .problem_size = problem_size};
    struct theme standard;
    int rc;

    problem[0] = '\0';
    theme_default(&standard);
    *ret_theme = standard;
    rc = ini_parse(path, on_line, &r);
    if (rc < 0) {
        snprintf(problem, problem_size, "%s: cannot be read", path);
        return false;
    }
    if (rc > 0) {
        snprintf(problem, problem_size, "%s:%d: neither a section nor name = value", path, rc);
    }
    for (size_t i = 0; i < sizeof guarded / sizeof *guarded; i++) {
        for (int tier = 0; tier < THEME_TIERS; tier++) {
            struct style *style = &ret_theme->styles[tier][guarded[i]];
            if (!same_style(*style, ret_theme->styles[tier][ROLE_TEXT]))
                continue;
            *style = standard.styles[tier][guarded[i]];
            complain(&r, "must differ from text:", roles[guarded[i]].name);
        }
    }
    return problem[0] == '\0';
}

struct style theme_style(const struct theme *theme, enum theme_tier tier, enum role role, enum role over)
{
    struct style style = theme->styles[tier][role], top = theme->styles[tier][over];

    if (over == ROLE_TEXT)
        return style;
    if (style.bg < 0) /* a badge keeps its own colours under the selection */
        style.bg = top.bg;
    if (top.fg >= 0 && style.fg < 0)
        style.fg = top.fg;
    style.attrs |= top.attrs;
    return style;
}

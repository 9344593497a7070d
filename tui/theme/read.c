/* A theme file to a theme. INI: [theme] name, base, inherit; [palette] name = colour; [roles] role = 256 | 16
 * | mono; [glyphs] role = shape | ASCII. Whatever stands there, a usable theme comes out. */
#include <ini.h>
#include <stdarg.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"
#include "theme/color.h"
#include "theme/embedded.h"
#include "theme/theme.h"

#define FILE_MAX (256 * 1024)
#define PALETTE_MAX 64
#define INHERIT_MAX 4 /* a file that inherits from itself ends here */

static const enum role parents[] = {
#define ROLE_PARENT(name, text, parent) [ROLE_##name] = ROLE_##parent,
    ROLE_LIST(ROLE_PARENT)
#undef ROLE_PARENT
};

/* Roles that must be told from text in every tier. */
static const enum role guarded[] = {
    ROLE_ENV_PROD,    ROLE_MODE_OPERATE, ROLE_MODE_READONLY, ROLE_MODE_FROZEN,
    ROLE_MODE_REPLAY, ROLE_DANGER,       ROLE_FRESH_OFFLINE,
};

struct palette_entry {
    char name[32];
    int16_t colour;
};
/* What a file says, before fallbacks are filled in. */
struct reading {
    struct theme *theme;
    struct theme_report *report;
    const char *rest; /* of the text */
    int line;         /* that was read last */
    int depth;        /* of inheritance */
    bool heads;       /* first pass: only what the others stand on */
    bool set[THEME_TIERS][ROLE_COUNT];
    int set_line[ROLE_COUNT]; /* where this file set a role; 0: not yet */
    struct palette_entry palette[PALETTE_MAX];
    int palette_count;
};

__attribute__((format(printf, 2, 3))) static void complain(struct reading *r, const char *format, ...)
{
    struct theme_problem *problem = &r->report->problems[r->report->count];
    va_list args;

    if (r->report->count++ >= THEME_PROBLEMS_MAX)
        return;
    problem->line = r->line;
    va_start(args, format);
    vsnprintf(problem->text, sizeof problem->text, format, args);
    va_end(args);
    for (char *c = problem->text; *c != '\0'; c++) /* what a file contains is shown on screens */
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
            *c = '?';
}

/* ---- values ---- */

static bool read_hex(const char *word, int16_t *ret_colour)
{
    unsigned red, green, blue;

    if (strlen(word) != 7 || word[0] != '#' || strspn(word + 1, "0123456789abcdefABCDEF") != 6)
        return false;
    sscanf(word, "#%2x%2x%2x", &red, &green, &blue);
    *ret_colour = color_nearest((struct rgb){(uint8_t)red, (uint8_t)green, (uint8_t)blue});
    return true;
}

/* A colour's number: 0 … 255, #rrggbb, $name of the palette, a name of the sixteen, default. */
static bool read_colour(const struct reading *r, const char *word, int16_t *ret_colour)
{
    static const char *const names[] = {"black", "red",     "green", "yellow",
                                        "blue",  "magenta", "cyan",  "white"};
    const char *base = strncmp(word, "bright-", 7) == 0 ? word + 7 : word;
    size_t digits = strspn(word, "0123456789");

    if (digits > 0 && digits < 4 && word[digits] == '\0' && atoi(word) < 256) {
        *ret_colour = (int16_t)atoi(word);
        return true;
    }
    if (read_hex(word, ret_colour))
        return true;
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

/* One tier: [fg] [on bg] [+attr]…; false when it is empty or wrong: the role falls back there. */
static bool read_style(struct reading *r, char *text, struct style *ret_style)
{
    struct style style = {-1, -1, 0};
    bool any = false, background = false, fine = true;
    char *rest;

    for (char *word = strtok_r(text, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        any = true;
        if (strcmp(word, "on") == 0) {
            background = true;
        } else if (word[0] == '+' ? !read_attribute(word, &style.attrs)
                                  : !read_colour(r, word, background ? &style.bg : &style.fg)) {
            complain(r, "unknown colour or attribute \"%.40s\"", word);
            fine = false;
        }
    }
    *ret_style = style;
    return any && fine;
}

static void read_role(struct reading *r, const char *name, const char *value)
{
    static const char *const tiers[] = {"256", "16", "mono"};
    int role = theme_role(name);
    char text[256], *rest = text;

    if (role < 0) {
        complain(r, "unknown role \"%.40s\"", name);
        return;
    }
    if (r->set_line[role] > 0)
        complain(r, "%s is given twice, first in line %d", name, r->set_line[role]);
    r->set_line[role] = r->line;
    text_copy(text, sizeof text, value);
    for (int tier = 0; tier < THEME_TIERS && rest; tier++) {
        char *piece = strsep(&rest, "|");
        struct style style;
        if (!read_style(r, piece, &style))
            continue;
        if (style.fg >= 0 && style.fg == style.bg) {
            complain(r, "%s has the colour of its background in tier %s", name, tiers[tier]);
            continue;
        }
        if (tier == THEME_MONO && (style.fg >= 0 || style.bg >= 0)) {
            complain(r, "%s has a colour in tier mono", name);
            style.fg = style.bg = -1;
        }
        r->theme->styles[tier][role] = style;
        r->set[tier][role] = true;
    }
    if (rest)
        complain(r, "%s has more than three tiers", name);
}

static void read_palette(struct reading *r, const char *name, const char *value)
{
    struct palette_entry *entry = &r->palette[r->palette_count];

    if (r->palette_count == PALETTE_MAX) {
        complain(r, "more than %d names in the palette", PALETTE_MAX);
        return;
    }
    if (snprintf(entry->name, sizeof entry->name, "%s", name) >= (int)sizeof entry->name) {
        complain(r, "\"%.40s\" is too long for a name", name);
        return;
    }
    if (read_colour(r, value, &entry->colour))
        r->palette_count++;
    else
        complain(r, "not a colour: \"%.40s\"", value);
}

/* The first grapheme of a text into `to`; false unless it is one of one column and nothing else. */
static bool read_grapheme(const char *text, char to[CELL_BYTES])
{
    int width = 0;
    size_t n;

    text += strspn(text, " \t");
    n = grapheme_next(text, to, &width);
    return n > 0 && width == 1 && strncmp(text, to, n) == 0 && text[n + strspn(text + n, " \t")] == '\0';
}

static void read_glyph(struct reading *r, const char *name, const char *value)
{
    int role = theme_role(name);
    char text[128], *rest = text, utf8[CELL_BYTES], ascii[CELL_BYTES];

    if (role < 0 || strncmp(name, "state.", 6) != 0) {
        complain(r, "no shape belongs to \"%.40s\"", name);
        return;
    }
    text_copy(text, sizeof text, value);
    if (!read_grapheme(strsep(&rest, "|"), utf8) || !rest || !read_grapheme(rest, ascii) ||
        strlen(ascii) != 1 || ascii[0] <= ' ' || ascii[0] > '~') {
        complain(r, "the shape of %s is not \"one character | one ASCII character\"", name);
        return;
    }
    memcpy(r->theme->glyphs[role].utf8, utf8, sizeof utf8);
    memcpy(r->theme->glyphs[role].ascii, ascii, 2);
}

static bool read_named(const char *name, struct theme *theme, struct theme_report *report, int depth);

/* Begins with everything of another theme; mistakes in that one are told as one of this. */
static void inherit(struct reading *r, const char *name)
{
    struct theme_report report = {0};
    char keep[sizeof r->theme->name];

    memcpy(keep, r->theme->name, sizeof keep);
    if (r->depth >= INHERIT_MAX) {
        complain(r, "\"%.40s\" inherits from itself, or through more than %d others", name, INHERIT_MAX);
        return;
    }
    if (!read_named(name, r->theme, &report, r->depth + 1))
        complain(r, "inherited from \"%.40s\": %.80s", name, report.problems[0].text);
    memcpy(r->theme->name, keep, sizeof keep);
    memset(r->set, true, sizeof r->set);
}

/* ---- lines ---- */

/* As fgets, and counts: the parser does not say where it is. */
static char *next_line(char *to, int size, void *user)
{
    struct reading *r = user;
    size_t length = strcspn(r->rest, "\n");

    if (*r->rest == '\0')
        return NULL;
    r->line++;
    if (length + 2 > (size_t)size && !r->heads)
        complain(r, "the line is longer than %d bytes", size - 2);
    snprintf(to, (size_t)size, "%.*s\n", (int)length, r->rest);
    r->rest += length + (r->rest[length] == '\n');
    return to;
}

static void read_head(struct reading *r, const char *name, const char *value)
{
    if (strcmp(name, "name") == 0) {
        text_copy(r->theme->name, sizeof r->theme->name, value);
    } else if (strcmp(name, "base") == 0) {
        r->theme->light = strcmp(value, "light") == 0;
        if (strcmp(value, "dark") != 0 && strcmp(value, "light") != 0)
            complain(r, "base is dark or light, not \"%.40s\"", value);
    } else if (strcmp(name, "contrast") == 0) {
        if (!text_to_double(value, &r->theme->contrast) ||
            !(r->theme->contrast >= 1 && r->theme->contrast <= 21)) {
            complain(r, "contrast is a number from 1 to 21, not \"%.40s\"", value);
            r->theme->contrast = 0;
        }
    } else if (strcmp(name, "inherit") == 0) {
        inherit(r, value);
    } else {
        complain(r, "unknown key \"%.40s\"", name);
    }
}

static int on_line(void *user, const char *section, const char *name, const char *value)
{
    struct reading *r = user;
    bool head = strcmp(section, "theme") == 0;

    if (head != r->heads)
        return 1;
    if (head)
        read_head(r, name, value);
    else if (strcmp(section, "roles") == 0)
        read_role(r, name, value);
    else if (strcmp(section, "palette") == 0)
        read_palette(r, name, value);
    else if (strcmp(section, "glyphs") == 0)
        read_glyph(r, name, value);
    else
        complain(r, section[0] != '\0' ? "unknown section \"%.40s\"" : "before the first section%.0s",
                 section);
    return 1;
}

/* One pass over the text. */
static void read_pass(struct reading *r, const char *text, bool heads)
{
    int rc;

    r->rest = text;
    r->line = 0;
    r->heads = heads;
    rc = ini_parse_stream(next_line, r, on_line, r);
    if (rc > 0 && !heads) {
        r->line = rc;
        complain(r, "neither a [section] nor name = value");
    }
}

/* Parents stand before children in the list, so one pass settles a chain. */
static void fill_in(struct reading *r)
{
    for (int tier = 0; tier < THEME_TIERS; tier++)
        for (int i = 1; i < ROLE_COUNT; i++)
            if (!r->set[tier][i])
                r->theme->styles[tier][i] = r->theme->styles[tier][parents[i]];
}

static bool same_style(struct style a, struct style b)
{
    return a.fg == b.fg && a.bg == b.bg && a.attrs == b.attrs;
}

/* What must not be overlooked is as built in where the theme hides it. */
static void guard(struct reading *r)
{
    struct theme standard;

    for (size_t i = 0; i < sizeof guarded / sizeof *guarded; i++) {
        for (int tier = 0; tier < THEME_TIERS; tier++) {
            struct style *style = &r->theme->styles[tier][guarded[i]];
            if (!same_style(*style, r->theme->styles[tier][ROLE_TEXT]))
                continue;
            r->line = r->set_line[guarded[i]];
            complain(r, "%s must differ from text in every tier; the built-in one is used",
                     theme_role_name(guarded[i]));
            theme_default(&standard);
            *style = standard.styles[tier][guarded[i]];
        }
    }
}

static int by_line(const void *a, const void *b)
{
    const struct theme_problem *x = a, *y = b;

    return (x->line > y->line) - (x->line < y->line);
}

static bool read_text(const char *text, struct theme *theme, struct theme_report *report, int depth)
{
    struct reading r = {.theme = theme, .report = report, .depth = depth};
    int kept;

    memset(theme, 0, sizeof *theme);
    for (int tier = 0; tier < THEME_TIERS; tier++)
        theme->styles[tier][ROLE_TEXT] = (struct style){-1, -1, 0};
    read_pass(&r, text, true);
    read_pass(&r, text, false);
    fill_in(&r);
    guard(&r);
    kept = report->count < THEME_PROBLEMS_MAX ? report->count : THEME_PROBLEMS_MAX;
    qsort(report->problems, (size_t)kept, sizeof *report->problems, by_line);
    return report->count == 0;
}

bool theme_read(const char *text, struct theme *ret_theme, struct theme_report *ret_report)
{
    ret_report->count = 0;
    return read_text(text, ret_theme, ret_report, 0);
}

static bool refuse_file(struct theme *theme, struct theme_report *report, const char *why)
{
    theme_default(theme);
    report->count = 1;
    report->problems[0].line = 0;
    text_copy(report->problems[0].text, sizeof report->problems[0].text, why);
    return false;
}

static bool read_file(const char *path, struct theme *theme, struct theme_report *report, int depth)
{
    AUTO_FREE char *text = malloc(FILE_MAX + 1);
    char why[120] = "too large for a theme";
    FILE *file = fopen(path, "re");
    size_t length = file && text ? fread(text, 1, FILE_MAX + 1, file) : 0;
    bool broken = !file || !text || ferror(file);

    if (broken)
        snprintf(why, sizeof why, "cannot be read: %s", strerror(errno));
    if (file)
        fclose(file);
    if (broken || length > FILE_MAX)
        return refuse_file(theme, report, why);
    text[length] = '\0';
    return strlen(text) == length ? read_text(text, theme, report, depth)
                                  : refuse_file(theme, report, "contains a NUL byte: not a text file");
}

bool theme_read_file(const char *path, struct theme *ret_theme, struct theme_report *ret_report)
{
    ret_report->count = 0;
    return read_file(path, ret_theme, ret_report, 0);
}

static bool read_named(const char *name, struct theme *theme, struct theme_report *report, int depth)
{
    char path[1200];

    if (!theme_find(name, path, sizeof path))
        return refuse_file(theme, report, "there is no such theme");
    if (path[0] != '\0')
        return read_file(path, theme, report, depth);
    for (const struct embedded_theme *e = embedded_themes; e->name; e++)
        if (strcmp(e->name, name) == 0)
            return read_text(e->text, theme, report, depth);
    return false;
}

bool theme_open(const char *name, struct theme *ret_theme, struct theme_report *ret_report)
{
    char path[1200];

    ret_report->count = 0;
    if (theme_find(name, path, sizeof path))
        return read_named(name, ret_theme, ret_report, 0);
    theme_default(ret_theme);
    return false;
}

bool theme_load(const char *name, struct theme *ret_theme, char *problem, size_t problem_size)
{
    struct theme_report report = {0};
    const struct theme_problem *first = &report.problems[0];
    char path[1200];

    problem[0] = '\0';
    if (read_named(name, ret_theme, &report, 0))
        return true;
    if (!theme_find(name, path, sizeof path))
        snprintf(problem, problem_size, "no theme %s; `tenantmv theme list` names them", PATH_ARGUMENT(name));
    else if (first->line > 0)
        snprintf(problem, problem_size, "%s:%d: %s", path[0] != '\0' ? path : name, first->line, first->text);
    else
        snprintf(problem, problem_size, "%s: %s", PATH_ARGUMENT(path[0] != '\0' ? path : name), first->text);
    return false;
}

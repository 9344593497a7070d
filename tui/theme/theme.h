/* Roles to attributes, in three tiers: 256 colours, 16 (or 8), and none.
 *
 * A theme can never take the screen down: what is wrong in it is reported and the built-in default stays in
 * its place. Roles that an operator must not overlook (environment, mode, danger, offline) are put back to
 * the built-in ones when a theme makes them look like text, and so is every role whose text would have the
 * colour of its background.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "widgets/canvas.h"

enum theme_tier { THEME_256, THEME_16, THEME_MONO, THEME_TIERS };

enum { STYLE_BOLD = 1, STYLE_DIM = 2, STYLE_UNDERLINE = 4, STYLE_REVERSE = 8 };

struct style {
    int16_t fg, bg; /* colour number, -1: the terminal's own */
    uint8_t attrs;  /* STYLE_… */
};

/* The shape of a state, where a theme has one of its own; both of one column. */
struct theme_glyph {
    char utf8[CELL_BYTES]; /* "": the built-in one */
    char ascii[2];
};

struct theme {
    char name[64];
    bool light;      /* made for a light background */
    double contrast; /* that its texts promise, 1 … 21; 0: none beyond the usual */
    struct style styles[THEME_TIERS][ROLE_COUNT];
    struct theme_glyph glyphs[ROLE_COUNT];
};

/* What is wrong in a theme, in the order of its lines. */
#define THEME_PROBLEMS_MAX 40
struct theme_problem {
    int line; /* 0: of the whole file */
    char text[160];
};
struct theme_report {
    int count; /* all of them, also those that had no room */
    struct theme_problem problems[THEME_PROBLEMS_MAX];
};

/* The built-in default-dark. */
void theme_default(struct theme *ret_theme);
/* Reads a theme from the text of a file. Always leaves a usable theme; false when something was wrong. */
bool theme_read(const char *text, struct theme *ret_theme, struct theme_report *ret_report);
/* Reads a theme file; one that cannot be read leaves the built-in default. */
bool theme_read_file(const char *path, struct theme *ret_theme, struct theme_report *ret_report);
/* The theme of this name or path, with all that is wrong in it; without any complaint there is no such theme.
 */
bool theme_open(const char *name, struct theme *ret_theme, struct theme_report *ret_report);
/* The theme of this name, or the file when `name` contains a slash or ends in ".theme". Always leaves a
 * usable theme; false when something was wrong, with the first complaint ("FILE:LINE: …") in `problem`. */
bool theme_load(const char *name, struct theme *ret_theme, char *problem, size_t problem_size);

/* Where a theme of this name comes from: a path in `path`, or "" when it is built in. A file in the person's
 * or the system's folder of themes is stronger than what is built in. False: there is none. */
bool theme_find(const char *name, char *path, size_t size);
/* Folders that are searched for themes, strongest first; false when there is no such number. */
bool theme_folder(int number, char *path, size_t size);

/* Role of a name in a theme file; -1 unknown. */
int theme_role(const char *name);
const char *theme_role_name(enum role role);
/* The style of a cell: `over` laid over `role`. */
struct style theme_style(const struct theme *theme, enum theme_tier tier, enum role role, enum role over);
/* The same of a cell. A full block shows nothing but its foreground: in a role that is told by its background
 * it takes that one, or it could not be seen on a ground of the foreground's colour. */
struct style theme_cell_style(const struct theme *theme, enum theme_tier tier, const struct cell *cell);
/* What a cell shows: its text, the theme's shape of that state, or with `ascii` one printable ASCII
 * character. */
const char *theme_text(const struct theme *theme, const struct cell *cell, bool ascii);

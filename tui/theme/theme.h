/* Roles to attributes, in three tiers: 256 colours, 16 (or 8), and none.
 *
 * A theme can never take the screen down: what is wrong in it is reported and the built-in default stays in
 * its place. Roles that an operator must not overlook (environment, mode, danger, offline) are put back to
 * the built-in ones when a theme makes them look like text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "widgets/role.h"

enum theme_tier { THEME_256, THEME_16, THEME_MONO, THEME_TIERS };

enum { STYLE_BOLD = 1, STYLE_DIM = 2, STYLE_UNDERLINE = 4, STYLE_REVERSE = 8 };

struct style {
    int16_t fg, bg; /* colour number, -1: the terminal's own */
    uint8_t attrs;  /* STYLE_… */
};

struct theme {
    char name[64];
    struct style styles[THEME_TIERS][ROLE_COUNT];
};

/* The built-in default-dark. */
void theme_default(struct theme *ret_theme);
/* Reads a theme file over the built-in default. Always leaves a usable theme; false when something in the
 * file was wrong, with the first complaint ("FILE: …") in `problem`. */
bool theme_load(const char *path, struct theme *ret_theme, char *problem, size_t problem_size);
/* Role of a name in a theme file; -1 unknown. */
int theme_role(const char *name);
const char *theme_role_name(enum role role);
/* The style of a cell: `over` laid over `role`. */
struct style theme_style(const struct theme *theme, enum theme_tier tier, enum role role, enum role over);

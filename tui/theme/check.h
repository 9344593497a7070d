/* Whether people can read a theme: contrast of texts, and states that the colour-blind can tell apart. */
#pragma once

#include "theme/color.h"
#include "theme/theme.h"

#define THEME_CONTRAST 4.5  /* of text with its background, WCAG 2.1 AA */
#define THEME_VISIBLE 3.0   /* of what is no text: bars, plots, and of what is disabled */
#define THEME_DISTANCE 20.0 /* CIEDE2000 of two states that must not be taken for each other */

struct theme_finding {
    bool bad; /* else a remark */
    char text[200];
};

/* Calls `tell` for each finding. Returns the number of bad ones. */
int theme_check(const struct theme *theme, void (*tell)(void *user, const struct theme_finding *finding),
                void *user);
/* The smallest distance among the pairs that must not be confused, for somebody with this vision. */
double theme_least_distance(const struct theme *theme, enum vision vision, enum role *ret_a,
                            enum role *ret_b);

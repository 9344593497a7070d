/* The boxes to look through and choose from: what stands in each, and what keys do there. */
#pragma once

#include "console/state.h"

/* What stands in its frame. */
const char *overlay_title(enum overlay overlay);
void overlay_open(struct state *state, enum overlay overlay);
void overlay_key(struct state *state, const struct input *input, const struct canvas *canvas);
/* What Enter would choose in the box that is open: the value of its row; -1: nothing. */
int overlay_choice(const struct state *state);
void overlay_draw(const struct state *state, struct canvas *canvas);

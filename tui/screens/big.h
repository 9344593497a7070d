/* The fleet as a few figures that can be read from across a room, and what is not well in words. */
#pragma once

#include "view/model.h"

/* Pure. Needs about 40 columns and 8 rows for a figure; with less it says the same in words. */
void big_draw(const struct model *model, struct canvas *canvas, struct rect area);

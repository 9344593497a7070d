/* The report of a migration: all that is kept of it on one page that scrolls. */
#pragma once

#include "view/model.h"

/* Draws from line `top` on; `record` NULL: it is being read. Returns the lines of the whole page. */
int report_draw(const struct model *model, const struct tmv_migration *m, struct canvas *canvas,
                struct rect area, int top);

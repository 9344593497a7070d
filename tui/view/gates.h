/* The gates of a cutover as a list: two on a line where both fit, else one, so that nothing is cut that says
 * why a gate is red. */
#pragma once

#include "tenantmv/snapshot.h"
#include "widgets/canvas.h"

/* Whether a gate of a migration was looked at too long ago. */
bool gates_unknown(const struct tmv_migration *m);
/* How many are green. */
size_t gates_green(const struct tmv_migration *m);
/* Lines that they take at this width. */
int gates_rows(const struct tmv_migration *m, int width);
/* Draws as many as there is room for; returns the lines used. */
int gates_draw(const struct tmv_migration *m, struct canvas *canvas, struct rect area);

/* A canvas with its colours as something that others show: SVG, and text with a terminal's own sequences.
 * Plain text is widgets/plain.h. */
#pragma once

#include <stdio.h>

#include "theme/theme.h"

/* A picture of the canvas, with a monospaced font of the viewer's. Text stays text: it can be searched and
 * copied. */
void export_svg(const struct canvas *canvas, const struct theme *theme, FILE *out);
/* Lines with colour sequences, each line complete in itself; THEME_MONO uses attributes only. */
void export_ansi(const struct canvas *canvas, const struct theme *theme, enum theme_tier tier, bool ascii,
                 FILE *out);

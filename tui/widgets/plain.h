/* A canvas as text: for tests, scripts and export. */
#pragma once

#include <stdio.h>

#include "widgets/canvas.h"

/* Writes the rows as lines without trailing blanks; with `ascii` no byte above 0x7e. */
void plain_write(const struct canvas *canvas, bool ascii, FILE *out);
/* Whether some row contains `text`. */
bool plain_contains(const struct canvas *canvas, const char *text);

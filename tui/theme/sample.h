/* A picture with every role in it, to judge a theme by. */
#pragma once

#include "widgets/canvas.h"

#define SAMPLE_COLS 80
#define SAMPLE_ROWS 27

/* Draws on a canvas of that size. */
void sample_draw(struct canvas *canvas);

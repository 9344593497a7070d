/* A cutover from its stored record, step by step: what stood on screen, the lag and the writers before and
 * after. */
#pragma once

#include "view/model.h"

#define REPLAY_STEPS 6 /* before, asked for, lock, drain, decide, after */

/* Draws step 0 … REPLAY_STEPS - 1 of an attempt. */
void replay_draw(const struct model *model, const struct tmv_attempt *attempt, int step,
                 struct canvas *canvas, struct rect area);

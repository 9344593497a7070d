/* What the rows of the table of actions do. */
#pragma once

#include "console/state.h"

/* Does it, or says why not. `argument` is what followed its name in the palette, or the key that was pressed.
 */
void perform(struct state *state, const struct action *action, const char *argument);
/* Sends what a closed dialog stands for. */
void perform_confirmed(struct state *state, enum confirm_result result);
/* Another key came: an operation that waits for silence is given up, as it may be part of a paste. */
void perform_hold(struct state *state);
/* Sends what waited for silence, once there was enough of it. */
void perform_pending(struct state *state);
/* Sends one request and says so; false: too many wait. */
bool perform_send(struct state *state, const struct tmv_request *request);
/* Sets the filter of the screen shown. */
void perform_filter(struct state *state, const char *text);
const char *perform_filter_text(const struct state *state);

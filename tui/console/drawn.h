/* What the picture that was shown last had under its keys. A key means what its person saw: it is compared
 * with this record, never with a model that moved on meanwhile.
 *
 * 1. An operation goes to the migration that was under the cursor in that picture, or to none.
 * 2. Nothing is done by a key that was pressed while the screen did not move, or that came in a row with
 *    others as a paste does.
 */
#pragma once

#include "actions/actions.h"

struct state;

/* Remembers the state as the picture that is shown now. */
void drawn_note(struct state *state);
/* Whether `action` may be done by the key that was pressed now; if not, `why` says why not. */
bool drawn_allows(const struct state *state, const struct action *action, char why[TMV_REASON_MAX]);

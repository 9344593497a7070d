/* Which migrations the fleet shows, and in which order. */
#pragma once

#include "view/model.h"

/* Orders and filters the model's snapshot into model->fleet. With `hold` rows that were there keep their
 * order and new ones come last, so that nothing moves under a hand that is moving. The selection follows its
 * migration; when that leaves the list it stays in its row as a ghost until the cursor moves. */
void fleet_order(struct model *model, bool hold);
/* The same after the person changed the filter: a selection that does not pass goes to the row that is in its
 * place now. */
void fleet_refilter(struct model *model);
/* The cursor leaves the ghost: it is taken out, and nothing is selected until the cursor is put on a row. */
void fleet_let_go(struct fleet_state *fleet);
/* The row of a migration; -1: it is not in the list. */
int fleet_row_of(const struct fleet_state *fleet, const struct tmv_uuid *id);
int fleet_sorts(void);
const char *fleet_sort_name(int sort);

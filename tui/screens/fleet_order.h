/* Which migrations the fleet shows, and in which order. */
#pragma once

#include "screens/model.h"

/* Orders and filters the model's snapshot into model->fleet. With `hold` rows that were there keep their
 * order and new ones come last, so that nothing moves under a hand that is moving. The selection follows its
 * migration. */
void fleet_order(struct model *model, bool hold);
int fleet_sorts(void);
const char *fleet_sort_name(int sort);

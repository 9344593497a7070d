/* Screen 6 as others open it. */
#pragma once

#include "view/model.h"

/* Goes to the replay of an attempt; with `number` 0 to the report of the migration. */
void history_open(struct model *model, const struct tmv_uuid *migration, int64_t number);

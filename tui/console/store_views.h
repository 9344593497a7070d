/* What is known of the stores from one reading of the control database to the next: rates need two. */
#pragma once

#include "view/model.h"

struct store_views {
    struct store_view *list; /* by id; owned */
    size_t count;
};
/* Takes a newer reading in; stores that were there keep what was counted of them. `tenants` NULL: the counts
 * stay as they are. Without memory everything stays as it is. */
void store_views_update(struct store_views *views, const struct tmv_store_observation *found, size_t count,
                        const struct tmv_store_tenants *tenants, size_t tenant_count);
void store_views_release(struct store_views *views);

/* Whether a migration needs a person: one judgement for monitoring checks, walls and filters. */
#pragma once

#include "tenantmv/snapshot.h"

enum health {
    HEALTH_WELL,
    HEALTH_WARN, /* waits for a person, or does not get on as it should */
    HEALTH_BAD,  /* failed or stuck: nobody and nothing brings it on */
};

/* The judgement and, unless it is well, its reason ("paused", "no engine owns it" …) in `why`, which may be
 * NULL. A failure that a later migration of the same tenant has made up for is well. */
enum health migration_health(const struct tmv_snapshot *snapshot, const struct tmv_migration *migration,
                             const char **why);
/* The worst of all. */
enum health fleet_health(const struct tmv_snapshot *snapshot);

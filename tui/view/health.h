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
/* Whether it is an alert: failed, unless a later migration has made up for it, or without an engine. */
bool migration_is_alert(const struct tmv_snapshot *snapshot, const struct tmv_migration *migration);
/* How many alerts there are, whether they are loaded or not. */
int64_t fleet_alerts(const struct tmv_snapshot *snapshot);
/* How many are not well: every loaded one that is not, and of the others those whose state alone says it. */
int64_t fleet_problems(const struct tmv_snapshot *snapshot);
/* The worst of all. */
enum health fleet_health(const struct tmv_snapshot *snapshot);

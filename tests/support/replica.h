/* Streaming replicas of a private cluster. */
#pragma once

#include "demo/cluster.h"

/* A physical copy of `primary` that follows it and is called `name` there (for synchronous_standby_names).
 * Returns when it streams. Its server ends with the workspace; free it with cluster_free. */
struct cluster *replica_start(struct cluster *primary, const char *name);
/* It follows no more: from now on it misses what the primary commits. */
void replica_detach(struct cluster *replica);
/* Makes it a primary of its own. */
void replica_promote(struct cluster *replica);
/* Connection string to a database on whichever of the two takes writes. Returns `text`. */
const char *replica_conninfo(const struct cluster *primary, const struct cluster *replica,
                             const char *database, char text[2 * CLUSTER_CONNINFO_MAX]);

/* From when it returns, commits of the server at `conninfo` wait for the standbys `names`; NULL: for none.
 * That its sessions have read the setting says little: they ask a flag that the checkpointer sets when it
 * reads it (PostgreSQL, SyncRepUpdateSyncStandbysDefined), and it may be busy. */
void replica_require(const char *conninfo, const char *names);

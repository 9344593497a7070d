/* Partitions that the source has and the target lacks: found when an event does not fit into the target. */
#pragma once

#include "move/shared/endpoints.h"

/* Makes of an error 23514 (no partition for a row) one that says which partition is missing, with the
 * statement that makes it, and that is tried again until it is there (CONFLICT). Connects to both stores.
 * False when no partition is missing, or nothing could be read: the error is left as it is. */
bool partitions_explain(const struct endpoints *endpoints, struct tmv_error *err);

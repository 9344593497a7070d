/* What an upgrade of a store's functions means for a migration that an older program began. */
#pragma once

#include "engine/coordinator.h"

/* The upgrade changed catalogue rows on which the migration's guard depends. If they were unchanged until
 * then, as noted in the ledger, the change is ours: the guard is installed once more (no writer is in flight
 * then), its facts are noted in place of the old ones, with an audit row, and everything is verified again
 * from the first event. If they had been changed before, nothing is noted: the gate refuses. Nothing is done
 * for a guard that this program's version installed. `conn` leads to that store, which is up to date, and
 * owned. Blocks for a minute at most. */
TMV_NODISCARD bool upgrade_take_in(struct coordinator *c, struct pgx_conn *conn, bool source,
                                   struct tmv_error *err);

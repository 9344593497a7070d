/* Which operation is allowed in which phase, as one table: at most one row per (phase, paused, operation);
 * absence is refusal. What changes a phase is in model/moves.h. Pure functions, any thread. */
#pragma once

#include "tenantmv/control.h"

/* Whether `operation` is allowed; if not, `why` (TMV_REASON_MAX) says the state, the operation and what is
 * allowed. */
bool lifecycle_allows(enum tmv_phase phase, bool paused, enum tmv_operation operation, char *why);

/* The table itself, for tests and documentation. */
struct lifecycle_row {
    enum tmv_phase phase;
    bool paused;
    enum tmv_operation operation;
    const char *effect; /* what happens then */
};
const struct lifecycle_row *lifecycle_rows(size_t *ret_count);

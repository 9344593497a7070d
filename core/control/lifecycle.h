/* The life cycle of a migration as one table: which operation is allowed in which phase, and which phase
 * changes are legal. At most one row per (phase, paused, operation); absence is refusal. Pure functions, any
 * thread. */
#pragma once

#include "tenantmv/control.h"

/* Whether `operation` is allowed; if not, `why` (TMV_REASON_MAX) says the state, the operation and what is
 * allowed. */
bool lifecycle_allows(enum tmv_phase phase, bool paused, enum tmv_operation operation, char *why);
/* Whether the phase may change so (interop.md, legal phase changes). */
bool lifecycle_change_is_legal(enum tmv_phase from, enum tmv_phase to);
/* The routing state that belongs to a phase. */
enum tmv_routing_state lifecycle_routing_state(enum tmv_phase phase);

/* The tables themselves, for tests and documentation. */
struct lifecycle_row {
    enum tmv_phase phase;
    bool paused;
    enum tmv_operation operation;
    const char *effect; /* what happens then */
};
const struct lifecycle_row *lifecycle_rows(size_t *ret_count);
struct lifecycle_change {
    enum tmv_phase from, to;
};
const struct lifecycle_change *lifecycle_changes(size_t *ret_count);

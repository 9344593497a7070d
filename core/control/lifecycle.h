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

/* How far a leg has come on the store it writes to (column tenantmv.applied.state). Pure; any thread. */
#pragma once

#include <stdbool.h>

enum applied_state {
    APPLIED_UNKNOWN, /* not read yet by this ownership: nothing may be concluded from it */
    APPLIED_NONE,    /* no row: nothing was ever written there */
    APPLIED_COPYING,
    APPLIED_MIRRORING,
    APPLIED_UNDOING, /* an abort began: nothing arrives any more */
    APPLIED_DONE,
    APPLIED_COUNT
};

/* False for a word that is not in the list. */
bool applied_state_parse(const char *name, enum applied_state *ret_state);

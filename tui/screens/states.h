/* The words, shapes and colours of a migration's states (console.md §3): one table for every screen. */
#pragma once

#include "tenantmv/snapshot.h"
#include "widgets/role.h"

struct state_look {
    const char *word;  /* "READY" */
    const char *count; /* "ready", for the line of counts */
    const char *glyph;
    enum role role;
    int rank; /* order of the fleet: trouble first */
};
const struct state_look *state_look(enum tmv_display_state state);

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

#define STATE_SINCE_MAX 120
/* Since when it waits and when its engine tries next, or since when it is paused, at `now_us` (the database's
 * clock): "waiting for 42s, next try in 3 s", "paused for 10m"; "" in other states. Returns `text`. */
const char *state_since(const struct tmv_migration *migration, int64_t now_us, char text[STATE_SINCE_MAX]);

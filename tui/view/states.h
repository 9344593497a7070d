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
 * clock): "waiting for 42s, next try at 14:02:35Z", "paused for 10m"; "" in other states. Returns `text`. */
const char *state_since(const struct tmv_migration *migration, int64_t now_us, char text[STATE_SINCE_MAX]);

#define STATE_REASON_MAX (TMV_REASON_MAX + STATE_SINCE_MAX + 4)
/* Why it is in its state, and since when: "the target is away (paused for 10m)". The cause comes first,
 * because a narrow cell cuts the end. "" when there is nothing to say. `now_us` as above. Returns `text`. */
const char *state_reason(const struct tmv_migration *migration, int64_t now_us, char text[STATE_REASON_MAX]);

/* `e` and `:export`: what is on the screen, or the data behind it, as a file. */
#pragma once

#include "console/state.h"

struct export_format {
    const char *name;   /* as typed */
    const char *suffix; /* of the file */
    const char *help;
};
int export_format_count(void);
const struct export_format *export_format_at(int index);
/* "svg", or "svg picture.svg"; without a file a new name in the working directory. Says what became of it. */
void exporting_start(struct state *state, const char *words);
/* A record came: writes the bundle that waits for it. */
void exporting_record(struct state *state);
/* Gives up on a record that does not come. */
void exporting_tick(struct state *state);

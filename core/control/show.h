/* What a person sees of a migration: derived by rules from what the databases say, never stored. */
#pragma once

#include "control/repositories.h"

/* The word for a migration whose other fields are read. `ready`: the engine saw every gate green. `now_us`:
 * the database's clock. */
enum tmv_display_state show_word(const struct tmv_migration *migration, bool ready, int64_t now_us);
/* Fills show, percent and eta_us, and the note when the engine left none, of a migration whose other fields
 * are read, and takes back what is too old to be known (tmv_migration_age). What only a live engine can know
 * (rate, lag) is taken back when there is none. */
void show_migration(struct tmv_migration *migration, bool ready, int64_t now_us);

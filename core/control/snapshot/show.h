/* What a person sees of a migration: derived by rules from what the databases say, never stored. */
#pragma once

#include "control/repositories.h"

/* The word for a migration whose other fields are read. `ready`: the engine saw every gate green. `now_us`:
 * the database's clock. */
enum tmv_display_state show_word(const struct tmv_migration *migration, bool ready, int64_t now_us);
/* Whose a migration of another program is and, when its last sign is `silent_us` old or older, since when
 * there is none: "another program runs it (sync@app1); no sign of it since 2026-11-29T10:12:13Z". Returns
 * `text`. */
const char *show_foreign(const struct tmv_migration *migration, int64_t silent_us, int64_t now_us,
                         char text[TMV_REASON_MAX]);
/* Fills show, percent and eta_us, and the note when the engine left none, of a migration whose other fields
 * are read, and takes back what is too old to be known (tmv_migration_age). What only a live engine can know
 * (rate, lag) is taken back when there is none. */
void show_migration(struct tmv_migration *migration, bool ready, int64_t now_us);

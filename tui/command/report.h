/* How migrations are shown, as JSON and as text; shared by the commands that show them. */
#pragma once

#include "cli/output.h"
#include "tenantmv/snapshot.h"

/* One migration with everything known about it; the caller owns the object. */
cJSON *report_migration_json(const struct cli *cli, const struct tmv_migration *migration);
/* The same for a person. */
void report_migration(const struct cli *cli, const struct tmv_snapshot *snapshot,
                      const struct tmv_migration *migration);
/* All migrations of a snapshot that `only_active` lets through: an array, and a table. */
cJSON *report_list_json(const struct cli *cli, const struct tmv_snapshot *snapshot, bool only_active);
void report_list(const struct cli *cli, const struct tmv_snapshot *snapshot, bool only_active);
/* One attempt to cut over. */
cJSON *report_attempt_json(const struct tmv_attempt *attempt);
/* "lock 1.1 ms, drain 2.0 ms, …"; returns `text`. */
const char *report_attempt_text(const struct tmv_attempt *attempt, char text[200]);
enum tone report_state_tone(enum tmv_display_state state);
/* All active migrations, once or (`watch`) at every change until Ctrl-C; as `tenantmv status` does. */
TMV_NODISCARD bool status_show_all(struct cli *cli, bool watch, struct tmv_error *err);

/* Data as files: the fleet as CSV or JSON, and all that is kept of a migration as a bundle for a post-mortem.
 * A file that is there is never overwritten. */
#pragma once

#include "export/sheet.h"
#include "lib/outfile.h"

#define EXPORT_PATH_MAX 400

/* A name for a new file: "tenantmv-fleet-20261122T140231Z.csv"; `what` may come from outside. */
void export_path(const char *what, int64_t wall_us, const char *suffix, char path[EXPORT_PATH_MAX]);
/* Opens a new file; false with the reason in `why`, and then there is no stream. */
bool export_open(struct outfile *ret_file, const char *path, char *why, size_t why_size);
/* Closes it; false with the reason when something was not written. */
bool export_close(struct outfile *file, const char *path, char *why, size_t why_size);

void export_fleet_csv(const struct tmv_snapshot *snapshot, const struct tenant_names *names, FILE *out);
void export_fleet_json(const struct tmv_snapshot *snapshot, const struct tenant_names *names, FILE *out);

/* Makes the folder `path` with README.md (what happened, who did what), migration.json (everything), and
 * events.csv, commands.csv, attempts.csv, samples.csv, verifications.csv, gates.csv. False with the reason;
 * what was written stays. */
bool export_bundle(const char *path, const struct tmv_migration *migration, const struct tmv_record *record,
                   const struct tenant_names *names, char *why, size_t why_size);

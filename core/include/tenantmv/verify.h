/* ConsistencyVerifier: proves that two stores hold the same events of a tenant. Reads the stores only.
 *
 * Calls that take a control handle follow its rules: threads, time, errors (tenantmv/control.h).
 */
#pragma once

#include "tenantmv/control.h"

/* COUNT: events and last version of each stream. HASH: a strong hash of every copied column, computed inside
 * the servers. FULL: every byte of every copied column, streamed from both. */
enum tmv_verify_level { TMV_VERIFY_COUNT, TMV_VERIFY_HASH, TMV_VERIFY_FULL, TMV_VERIFY_LEVELS };
/* "hash"; "?" for another number. A constant. Any thread. Cannot fail. */
TMV_API const char *tmv_verify_level_name(enum tmv_verify_level level);

/* How many differences a report names; more are only counted. */
#define TMV_DIFFERENCES_MAX 32
struct tmv_difference {
    char kind[16]; /* on the target it is: missing, extra, differs, moved */
    struct tmv_uuid event_id;
    struct tmv_uuid aggregate;
    int64_t version;
    int64_t position;        /* on the source; of an extra one on the target */
    int64_t target_position; /* moved: where the target has the event; else 0 */
    char columns[120];       /* names of the columns that differ */
};
struct tmv_verify_report {
    enum tmv_verify_level level;
    bool consistent;
    int64_t from_position; /* exclusive */
    int64_t to_position;   /* inclusive */
    int64_t equal_to;      /* HASH, FULL: everything up to this position is equal */
    int64_t events_source;
    int64_t events_target;
    int64_t differences; /* all of them */
    int64_t duration_us;
    double sample_percent; /* 0: everything was compared */
    int64_t sample_seed;   /* chose the sample: the same seed chooses the same positions */
    int64_t to_remove;     /* events that a repair removes from the target: wrong or too many there */
    int64_t to_copy;       /* events that a repair copies to the target: missing or wrong there */
    bool repaired;         /* that was done; the figures above say what was found before */
    struct tmv_difference found[TMV_DIFFERENCES_MAX];
};
/* What to compare. All pointers are borrowed for the call. */
struct tmv_verify_options {
    const struct tmv_store_info *source;
    const struct tmv_store_info *target;
    struct tmv_uuid tenant;
    enum tmv_verify_level level;
    int64_t from;          /* positions above this; 0: from the first */
    int64_t to;            /* up to and including this; 0: to the last */
    int workers;           /* ranges compared at the same time, 1 … 16; 0: 2 */
    double sample_percent; /* HASH, FULL: only about so much of the positions; 0: everything */
    int64_t sample_seed;   /* which ones */
    const struct tmv_names *leave_columns; /* columns that were left behind on purpose; NULL: none */
};
/* Compares the tenant's events on two stores, over connections and with threads of its own. Any thread.
 * Blocks as long as it takes, and nothing ends it early: both servers read every event of the tenant in that
 * range. A difference is a result, not an error.
 *
 * Errors: USAGE (an option is out of range, or a connection string is wrong), UNREACHABLE, TIMEOUT, REFUSED
 * (no events table, another database than a store's identity says, a pooler), SQL with the server's SQLSTATE,
 * NOMEM, IO, INTERNAL. *ret_report is not to be used then. */
TMV_API TMV_NODISCARD bool tmv_verify_stores(const struct tmv_verify_options *options,
                                             struct tmv_verify_report *ret_report, struct tmv_error *err);

/* ---- reports that are kept ---- */

struct tmv_kept_report {
    int64_t id;
    int64_t made_at_us; /* microseconds since 1970 by the control database's clock */
    struct tmv_verify_report report;
};
/* Stores the report of a comparison that was made here, for tmv_verify_reports. Errors: REFUSED (the handle
 * is read only), SQL 23503 (no such migration), and those of every call on a control handle; only after
 * UNREACHABLE and TIMEOUT it may be stored. */
TMV_API TMV_NODISCARD bool tmv_verify_keep(struct tmv_control *control, const struct tmv_uuid *migration,
                                           const struct tmv_verify_report *report, struct tmv_error *err);
/* Reports of a migration, an engine's and kept ones, newest first, at most `limit` (1 …); none for a
 * migration that does not exist. The caller frees *ret_reports with free(). Errors: those of every call on a
 * control handle; *ret_reports is NULL and *ret_count 0 then. */
TMV_API TMV_NODISCARD bool tmv_verify_reports(struct tmv_control *control, const struct tmv_uuid *migration,
                                              int limit, struct tmv_kept_report **ret_reports,
                                              size_t *ret_count, struct tmv_error *err);

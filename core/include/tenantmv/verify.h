/* ConsistencyVerifier: proves that two stores hold the same events of a tenant. Reads only. */
#pragma once

#include "tenantmv/control.h"

enum tmv_verify_level { TMV_VERIFY_COUNT, TMV_VERIFY_HASH, TMV_VERIFY_LEVELS };

/* How many differences a report names; more are only counted. */
#define TMV_DIFFERENCES_MAX 32
struct tmv_difference {
    char kind[16]; /* missing, extra, differs */
    struct tmv_uuid event_id;
    struct tmv_uuid aggregate;
    int64_t version;
    int64_t position;
    char columns[120]; /* names of the columns that differ */
};
struct tmv_verify_report {
    enum tmv_verify_level level;
    bool consistent;
    int64_t from_position; /* exclusive */
    int64_t to_position;   /* inclusive */
    int64_t equal_to;      /* HASH: everything up to this position is equal */
    int64_t events_source;
    int64_t events_target;
    int64_t differences; /* all of them */
    int64_t duration_us;
    struct tmv_difference found[TMV_DIFFERENCES_MAX];
};
/* What to compare. All pointers are borrowed for the call. */
struct tmv_verify_options {
    const struct tmv_store_info *source;
    const struct tmv_store_info *target;
    struct tmv_uuid tenant;
    enum tmv_verify_level level;
    int64_t from; /* positions above this; 0: from the first */
    int64_t to;   /* up to and including this; 0: to the last */
};
/* Compares the tenant's events on two stores. Blocks as long as it takes: both servers read every event of
 * the tenant in that range. A difference is a result, not an error. Errors: those of connecting and reading.
 */
TMV_API TMV_NODISCARD bool tmv_verify_stores(const struct tmv_verify_options *options,
                                             struct tmv_verify_report *ret_report, struct tmv_error *err);

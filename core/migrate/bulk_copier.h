/* BulkCopier: the tenant's history up to V0, in chunks by position, by several workers, each chunk in one
 * transaction with its row in tenantmv.copied_range. A restart goes on with the chunks that are missing. */
#pragma once

#include "migrate/ends.h"

/* What the copier asks of its owner, from the coordinator's thread, a few times a second. */
struct bulk_copier_hooks {
    void *user;
    /* Progress so far; returns false to stop at the end of the chunks that run (pause, abort, shutdown). */
    bool (*progress)(void *user, int64_t events_copied, int64_t events_total, int64_t events_per_second,
                     const char *step);
};
struct bulk_copier_options {
    int64_t limit;        /* V0: positions (0, limit] are copied */
    int workers;          /* 1 … 16 */
    int64_t chunk_events; /* aim of a chunk, in events; 0: 20,000 */
    int64_t max_rate;     /* events/s over all workers; 0: unlimited */
    bool keep_indexes;    /* do not drop and rebuild the target's secondary indexes */
};
/* Copies everything that is not copied yet, then rebuilds the indexes that it dropped (their definitions
 * stand in the ledger before they are dropped; `control` is the coordinator's control connection).
 * *ret_finished false: the hook said stop. Blocks as long as the copy takes; every wait is bounded and ends
 * with ends->stop. Constant memory. */
TMV_NODISCARD bool bulk_copier_run(const struct ends *ends, struct pgx_conn *control,
                                   const struct bulk_copier_options *options,
                                   const struct bulk_copier_hooks *hooks, bool *ret_finished,
                                   struct tmv_error *err);
/* Puts back every index and constraint that a dropped-index ledger row names and the target lacks; for
 * recovery and abort. Does nothing when there is none. */
TMV_NODISCARD bool bulk_copier_restore_indexes(const struct ends *ends, struct pgx_conn *control,
                                               struct tmv_error *err);

/* BulkCopier: the tenant's history up to V0, in chunks by position, by several workers, each chunk in one
 * transaction with its row in tenantmv.copied_range. A restart goes on with the chunks that are missing. */
#pragma once

#include "move/shared/endpoints.h"

/* How far the copy is. */
struct copy_progress {
    int64_t events_copied, events_total; /* the total is an estimate, refined by what is copied */
    int64_t events_per_second;           /* over the last seconds */
    int64_t eta_us;                      /* until it can be cut over (eta.h); -1 unknown */
    const char *step;                    /* what is done now */
    const char *throttle;                /* what holds the copy now; "" nothing */
    int64_t throttled_us;                /* how long this run was held in all */
};
enum copy_verdict {
    COPY_GO_ON,
    COPY_STOP,     /* at the end of the chunks, or of the index builds, that are under way */
    COPY_BREAK_OFF /* now: what is under way is rolled back, by servers that may need a moment more */
};
/* What the copier asks of its owner, from the coordinator's thread, a few times a second. */
struct bulk_copier_hooks {
    void *user;
    /* Progress so far. Whatever touches the stores has to wait until the copier has returned: its own
     * transactions hold what an abort would change. */
    enum copy_verdict (*progress)(void *user, const struct copy_progress *progress);
};
struct bulk_copier_options {
    int64_t limit; /* V0: positions (0, limit] are copied */
    /* Borrowed. Rates, workers and what holds the copy are looked at again after each call of the hook, which
     * may change them; the rest counts as it is at first. */
    const struct tmv_settings *settings;
    int64_t aim_us;          /* a chunk should hold the source's snapshot so long; 0: a second */
    int64_t snapshot_max_us; /* after so long the source ends a chunk, whose halves are copied instead; 0: a
                                minute */
    /* Sessions in the stores to begin with: it takes them, and leaves that in the target when it completed;
     * NULL, or of NULL: it connects. */
    struct pgx_conn **source, **target;
};
/* Copies everything that is not copied yet, then rebuilds the indexes that it dropped (their definitions
 * stand in the ledger before they are dropped; `control` is the coordinator's control connection).
 * *ret_finished false: the hook said so; after COPY_BREAK_OFF no error is reported. Blocks as long as the
 * copy takes; every wait is bounded and ends with endpoints->stop. Constant memory. */
TMV_NODISCARD bool bulk_copier_run(const struct endpoints *endpoints, struct pgx_conn *control,
                                   const struct bulk_copier_options *options,
                                   const struct bulk_copier_hooks *hooks, bool *ret_finished,
                                   struct tmv_error *err);
/* Puts back every index and constraint that a dropped-index ledger row names and the target lacks; for
 * recovery and abort. Does nothing when there is none. */
TMV_NODISCARD bool bulk_copier_restore_indexes(const struct endpoints *endpoints, struct pgx_conn *control,
                                               struct tmv_error *err);

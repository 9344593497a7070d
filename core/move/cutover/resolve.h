/* What the two fences say together, and what is to be done about it: after taking ownership, and after a
 * failover of either server to a replica that had not everything (design §9, Failover).
 *
 * The fence of the source outranks every phase. The target is opened only when the source said "moved" (C3 in
 * cutover_manager.h); so a target that is open under a higher placement epoch than the source's proves that
 * the source has forgotten its decision, and one that is still closed for a source that moved has forgotten
 * the drain. A pair that fits no row is not understood, and nothing is touched.
 */
#pragma once

#include "move/cutover/cutover_manager.h"

enum resolve_action {
    RESOLVE_NOTHING, /* the fences agree */
    RESOLVE_DISARM,  /* the target was armed for an attempt that did not decide */
    RESOLVE_OPEN,    /* decided: the target may take writers */
    RESOLVE_RECOPY,  /* decided, but the target forgot the drain: bring the rest again, then open it */
    RESOLVE_REFENCE, /* decided, but the source forgot it: fence it again */
    RESOLVE_STOP     /* not understood */
};

/* A fence as far as it belongs to the migration. */
struct resolve_side {
    bool ours; /* the row is there and names the migration */
    enum fence_state state;
    int64_t epoch;
};

/* Looks the pair up. *ret_why: a sentence for people. Pure. */
enum resolve_action resolve_judge(const struct resolve_side *source, const struct resolve_side *target,
                                  const char **ret_why);
/* Reads a fence as a side of a migration's pair. */
TMV_NODISCARD bool resolve_read(struct pgx_conn *conn, const struct guard *guard,
                                const struct tmv_uuid *migration, struct resolve_side *ret_side,
                                struct tmv_error *err);

/* What resolving came to. */
struct resolution {
    bool moved;  /* the source says that the tenant has moved by this migration */
    bool mended; /* a server had forgotten something; `told` says what */
    char told[500];
};
/* After taking ownership: reads both fences and does what they ask for. With `ended`, a pair that is not
 * understood is none of our business any more: a later migration may have moved the tenant on. REFUSED, with
 * nothing touched, when the pair is not understood. The tailer of `m` is connected. */
TMV_NODISCARD bool cutover_resolve(struct cutover_manager *m, bool ended, struct resolution *ret_resolution,
                                   struct tmv_error *err);

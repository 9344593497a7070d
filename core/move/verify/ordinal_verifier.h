/* Proves a leg in append mode: the same events in the same order on both sides, whatever their positions
 * (digests over ordinals, range by range between known pairs of positions).
 *
 * It works along with the leg, on two sessions of its own, in the leg's thread: a step sends a range or takes
 * its answers, and does not wait for the servers. */
#pragma once

#include "move/verify/consistency_verifier.h"

struct ordinal_verifier {
    const struct endpoints *endpoints; /* of the leg; borrowed */
    struct pgx_conn *source, *target;  /* owned */
    struct buf source_sql, target_sql;
    struct {
        int64_t from, to, events; /* positions of both sides, and events of the leg up to there */
    } proven, next;
    bool asked;       /* the range from `proven` to `next` is being compared */
    int64_t asked_us; /* monotonic */
    bool differs;     /* the range after `proven` is not the same; nothing is compared any more */
    int64_t source_events, target_events; /* of that range */
};

void ordinal_verifier_init(struct ordinal_verifier *v, const struct endpoints *endpoints);
void ordinal_verifier_release(struct ordinal_verifier *v);
/* Opens the sessions and begins behind what was proven before, in positions of the source. REFUSED when the
 * leg has no beginning on the target. */
TMV_NODISCARD bool ordinal_verifier_connect(struct ordinal_verifier *v, int64_t proven_to,
                                            struct tmv_error *err);
/* One step. Waits for small statements only. */
TMV_NODISCARD bool ordinal_verifier_step(struct ordinal_verifier *v, struct tmv_error *err);

/* The total of a tenant: how many events it has on both ends without a lower bound, so that what copy and
 * comparison by ranges both passed over is found. */
#pragma once

#include "move/verify/consistency_verifier.h"
#include "move/shared/fact_watch.h"

/* Of one end. */
struct tenant_total {
    int64_t all;    /* events of the tenant that are not above the range */
    int64_t inside; /* those in the range */
};

/* Counts on both ends at the same time, over the tenant's events up to span->high. Blocks as long as the
 * servers read the tenant's index, up to `timeout_us`. After an error the sessions may be in the middle of a
 * statement: close them. */
TMV_NODISCARD bool verifier_total(const struct verifier_task *task, const struct position_span *span,
                                  int64_t timeout_us, struct tenant_total totals[SIDE_COUNT],
                                  struct tmv_error *err);
/* Whether two totals are of the same events, as far as numbers tell. Pure. */
bool verifier_totals_equal(const struct tenant_total *source, const struct tenant_total *target);
/* Adds the difference of two totals that are not equal to a report: counted, and named without an event.
 * Pure. */
void verifier_note_total(struct tmv_verify_report *report, const struct tenant_total *source,
                         const struct tenant_total *target);

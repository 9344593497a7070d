/* Moves one tenant through its whole migration while the writers write, as a person with a console would:
 * starts it, waits until it is ready, asks for the cutover, and watches what happens. */
#pragma once

#include "demo/live.h"
#include "demo/report.h"

struct mover {
    struct tmv_control *control; /* borrowed */
    struct live *live;           /* borrowed */
    struct demo_report *report;  /* borrowed: gets the attempts, the copy's figures, the lag */
};

/* Returns when the tenant lives in its dedicated store. An attempt that was rolled back or refused is tried
 * again a few times. Errors: what made the migration fail; CANCELLED after a signal; TIMEOUT. */
TMV_NODISCARD bool mover_run(const struct mover *mover, const struct stage_tenant *tenant, size_t number,
                             struct tmv_error *err);

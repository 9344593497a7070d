#include "model/audit_events.h"

#include "lib/assert.h"

static const char *const names[AUDIT_EVENT_COUNT] = {
    [AUDIT_MIGRATION_STARTED] = "migration_started",
    [AUDIT_PHASE_CHANGED] = "phase_changed",
    [AUDIT_MIGRATION_PAUSED] = "migration_paused",
    [AUDIT_MIGRATION_RESUMED] = "migration_resumed",
    [AUDIT_MIGRATION_ABORTED] = "migration_aborted",
    [AUDIT_MIGRATION_COMPLETED] = "migration_completed",
    [AUDIT_MIGRATION_FAILED] = "migration_failed",
    [AUDIT_ERROR_OCCURRED] = "error_occurred",
    [AUDIT_CUTOVER_INITIATED] = "cutover_initiated",
    [AUDIT_CUTOVER_COMPLETED] = "cutover_completed",
    [AUDIT_CUTOVER_ROLLED_BACK] = "cutover_rolled_back",
    [AUDIT_VERIFICATION_STARTED] = "verification_started",
    [AUDIT_VERIFICATION_COMPLETED] = "verification_completed",
    [AUDIT_VERIFICATION_FAILED] = "verification_failed",
    [AUDIT_PROGRESS_CHECKPOINT] = "progress_checkpoint",
};

const char *audit_event_name(enum audit_event event)
{
    TMV_ASSERT((unsigned)event < AUDIT_EVENT_COUNT);
    return names[event];
}

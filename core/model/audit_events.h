/* What the audit of a migration can tell: the list that eventsource-py's table accepts (interop.md,
 * migration_audit_log). Pure; any thread. */
#pragma once

enum audit_event {
    AUDIT_MIGRATION_STARTED,
    AUDIT_PHASE_CHANGED,
    AUDIT_MIGRATION_PAUSED,
    AUDIT_MIGRATION_RESUMED,
    AUDIT_MIGRATION_ABORTED,
    AUDIT_MIGRATION_COMPLETED,
    AUDIT_MIGRATION_FAILED,
    AUDIT_ERROR_OCCURRED,
    AUDIT_CUTOVER_INITIATED,
    AUDIT_CUTOVER_COMPLETED,
    AUDIT_CUTOVER_ROLLED_BACK,
    AUDIT_VERIFICATION_STARTED,
    AUDIT_VERIFICATION_COMPLETED,
    AUDIT_VERIFICATION_FAILED,
    AUDIT_PROGRESS_CHECKPOINT,
    AUDIT_EVENT_COUNT
};

/* Its spelling in the table; a constant. */
const char *audit_event_name(enum audit_event event);

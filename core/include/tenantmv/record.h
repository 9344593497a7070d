/* Everything that is kept of one migration: for reports and for seeing a cutover again step by step.
 *
 * Samples of rate and lag are kept for an hour, and for a minute before and after each of the latest attempts
 * to cut over for as long as the migration's row exists.
 */
#pragma once

#include "tenantmv/snapshot.h"

#define TMV_RECORD_AROUND_US INT64_C(60000000) /* samples before and after an attempt that are kept */

/* A verification as it was reported. Numbers are -1 when the report does not name them. */
struct tmv_verification {
    char level[24]; /* "hash" */
    bool consistent;
    int64_t made_at_us;
    int64_t from_position, to_position;
    int64_t events_source, events_target;
    int64_t differences;
};

struct tmv_record {
    struct tmv_uuid migration;
    size_t attempt_count;
    struct tmv_attempt *attempts; /* newest first, at most 100 */
    size_t event_count;
    struct tmv_audit_entry *events; /* audit, oldest first, the latest 500 */
    size_t command_count;
    struct tmv_command_info *commands; /* what people asked for, oldest first, the latest 200 */
    size_t verification_count;
    struct tmv_verification *verifications; /* newest first, at most 50 */
    size_t sample_count;
    struct tmv_sample *samples; /* oldest first, the latest 7200 */
    int64_t left_behind;        /* objects in stores that the ledger still holds */
};

/* Reads the record of a migration in one transaction. The caller frees it with tmv_record_free. Eight
 * statements on the handle, each up to 10 s. Errors: NOT_FOUND (no such migration), INTERNAL (a command of a
 * kind that only a newer program knows), and those of every call on a control handle (tenantmv/control.h). */
TMV_API TMV_NODISCARD bool tmv_record_read(struct tmv_control *control, const struct tmv_uuid *migration,
                                           struct tmv_record **ret_record, struct tmv_error *err);
/* Frees a record with all that it holds; NULL is fine. Any thread. Cannot fail. */
TMV_API void tmv_record_free(struct tmv_record *record);

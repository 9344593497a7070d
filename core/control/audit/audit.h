/* Reading rows of the audit, of attempts and of commands, shared by lists, the snapshot and the record. */
#pragma once

#include "pg/query.h"
#include "tenantmv/snapshot.h"

/* A row of control_audit_list or control_snapshot_events. */
void audit_read(const struct pgx_result *result, int row, struct tmv_audit_entry *entry);
/* A row of control_snapshot_attempts or control_record_attempts. */
void attempt_read(const struct pgx_result *result, int row, struct tmv_attempt *attempt);
/* A row of control_command_get or control_record_commands. INTERNAL when it names an unknown operation or
 * state.
 */
TMV_NODISCARD bool command_read(const struct pgx_result *result, int row, struct tmv_command_info *command,
                                struct tmv_error *err);

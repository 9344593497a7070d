/* Reading audit rows, shared by the list and the snapshot. */
#pragma once

#include "pg/query.h"
#include "tenantmv/control.h"

/* A row of control_audit_list or control_snapshot_events. */
void audit_read(const struct pgx_result *result, int row, struct tmv_audit_entry *entry);

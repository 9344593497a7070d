/* The audit as people read it, and its chain of hashes. */
#include "lib/cleanup.h"
#include "lib/err.h"
#include "control/audit/audit.h"
#include "control/row.h"
#include "sql_embedded.h"

void audit_read(const struct pgx_result *result, int row, struct tmv_audit_entry *entry)
{
    entry->id = pgx_int(result, row, 0);
    entry->migration = pgx_uuid(result, row, 1);
    row_text(entry->event_type, sizeof entry->event_type, result, row, 2);
    row_text(entry->old_phase, sizeof entry->old_phase, result, row, 3);
    row_text(entry->new_phase, sizeof entry->new_phase, result, row, 4);
    row_text(entry->operator_name, sizeof entry->operator_name, result, row, 5);
    entry->occurred_at_us = pgx_int(result, row, 6);
    row_text(entry->details, sizeof entry->details, result, row, 7);
    entry->by_others = pgx_bool(result, row, 8);
}

bool tmv_audit_list(struct tmv_control *control, const struct tmv_audit_query *query,
                    struct tmv_audit_entry **ret_entries, size_t *ret_count, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    struct tmv_audit_entry *entries;

    if (query->limit < 1)
        return err_set(err, TMV_ERR_USAGE, "the limit of audit rows must be at least 1");
    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_audit_list,
                   PGX_ARGS(query->migration ? PGX_UUID(query->migration) : PGX_NULL,
                            PGX_INT(query->after_id), PGX_INT(query->limit)),
                   &result, err))
        return err_wrap(err, "reading the audit");
    entries = calloc((size_t)pgx_rows(result) + 1, sizeof *entries);
    if (!entries)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (int row = 0; row < pgx_rows(result); row++)
        audit_read(result, row, &entries[row]);
    *ret_entries = entries;
    *ret_count = (size_t)pgx_rows(result);
    return true;
}

bool tmv_audit_verify(struct tmv_control *control, const struct tmv_uuid *migration, int64_t *ret_broken_id,
                      struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    char id[TMV_UUID_TEXT];

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_audit_check, PGX_ARGS(PGX_UUID(migration)),
                   &result, err))
        return err_wrap(err, "checking the audit");
    if (pgx_is_null(result, 0, 0))
        return err_set(err, TMV_ERR_NOT_FOUND, "there is no migration %s", tmv_uuid_format(migration, id));
    *ret_broken_id = pgx_int(result, 0, 0);
    return true;
}

bool tmv_registry_audit(struct tmv_control *control, int64_t after_id, int limit,
                        struct tmv_registry_entry **ret_entries, size_t *ret_count, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    struct tmv_registry_entry *entries;

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_registry_audit_list,
                   PGX_ARGS(PGX_INT(after_id), PGX_INT(limit)), &result, err))
        return err_wrap(err, "reading the audit of the registry");
    entries = calloc((size_t)pgx_rows(result) + 1, sizeof *entries);
    if (!entries)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (int row = 0; row < pgx_rows(result); row++) {
        struct tmv_registry_entry *entry = &entries[row];

        entry->id = pgx_int(result, row, 0);
        row_text(entry->action, sizeof entry->action, result, row, 1);
        row_text(entry->subject, sizeof entry->subject, result, row, 2);
        row_text(entry->operator_name, sizeof entry->operator_name, result, row, 3);
        row_text(entry->came_from, sizeof entry->came_from, result, row, 4);
        entry->at_us = pgx_int(result, row, 5);
        row_text(entry->details, sizeof entry->details, result, row, 6);
    }
    *ret_entries = entries;
    *ret_count = (size_t)pgx_rows(result);
    return true;
}

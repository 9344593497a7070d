/* Migrations as their engine reads and changes them. Other programs may change phase and pause by plain
 * statements at any time, so every change here is a compare-and-set. */
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/json.h"
#include "model/moves.h"
#include "control/row.h"
#include "sql_embedded.h"

bool control_migration_get(struct pgx_conn *conn, const struct tmv_uuid *id, struct migration_row *ret_row,
                           struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    char text[TMV_UUID_TEXT];

    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_migration_get, PGX_ARGS(PGX_UUID(id)), &result, err))
        return err_wrap(err, "reading a migration");
    tmv_uuid_format(id, text);
    if (pgx_rows(result) == 0)
        return err_set(err, TMV_ERR_NOT_FOUND, "there is no migration %s", text);
    memset(ret_row, 0, sizeof *ret_row);
    ret_row->id = pgx_uuid(result, 0, 0);
    ret_row->tenant = pgx_uuid(result, 0, 1);
    row_text(ret_row->source, sizeof ret_row->source, result, 0, 2);
    row_text(ret_row->target, sizeof ret_row->target, result, 0, 3);
    if (!tmv_phase_parse(pgx_text(result, 0, 4), &ret_row->phase))
        return err_set(err, TMV_ERR_REFUSED, "migration %s is in an unknown phase: %s", text,
                       pgx_text(result, 0, 4));
    ret_row->paused = pgx_bool(result, 0, 5);
    row_text(ret_row->pause_reason, sizeof ret_row->pause_reason, result, 0, 6);
    row_text(ret_row->created_by, sizeof ret_row->created_by, result, 0, 7);
    if (!tmv_settings_from_json(pgx_text(result, 0, 8), &ret_row->settings, &ret_row->settings_error))
        err_wrap(&ret_row->settings_error, "config of migration %s", text);
    else
        ret_row->settings_error.code = TMV_OK;
    ret_row->events_total = pgx_int(result, 0, 9);
    ret_row->events_copied = pgx_int(result, 0, 10);
    if (!ending_parse(pgx_text(result, 0, 11), &ret_row->ending))
        return err_set(err, TMV_ERR_REFUSED, "migration %s ends in an unknown way: %s", text,
                       pgx_text(result, 0, 11));
    ret_row->watermark = pgx_int(result, 0, 12);
    ret_row->verified_to = pgx_int(result, 0, 13);
    return true;
}

/* What a function of the control schema answered about a change of phase. */
static bool read_answer(const struct pgx_result *result, const struct owner *owner, const char *change,
                        struct tmv_error *err)
{
    const char *answer = pgx_rows(result) > 0 ? pgx_text(result, 0, 0) : "";
    char id[TMV_UUID_TEXT];

    if (strcmp(answer, "ok") == 0)
        return true;
    if (strcmp(answer, "ownership") == 0)
        return row_ownership_lost(owner, err);
    if (strcmp(answer, "queue") == 0)
        return err_set(err, TMV_ERR_CLOSED, "too many tenants move from or to one of the stores");
    if (strcmp(answer, "conflict") == 0)
        return err_set(err, TMV_ERR_CONFLICT,
                       "migration %s was changed or paused by another process before %s",
                       tmv_uuid_format(&owner->migration, id), change);
    return err_set(err, TMV_ERR_INTERNAL, "a change of phase answered '%s'", answer);
}

bool control_ending_change(struct pgx_conn *conn, const struct owner *owner,
                           const struct ending_change *change, bool *ret_changed, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_ending_change,
                   PGX_ARGS(OWNER_ARGS(owner), PGX_TEXT(ending_name(change->from)),
                            PGX_TEXT(ending_name(change->to)), PGX_TEXT(change->details),
                            PGX_TEXT(change->operator_name)),
                   &result, err))
        return err_wrap(err, "ending a migration");
    if (!pgx_bool(result, 0, 0))
        return row_ownership_lost(owner, err);
    *ret_changed = pgx_bool(result, 0, 1);
    return true;
}

bool control_phase_change(struct pgx_conn *conn, const struct owner *owner, const struct phase_change *change,
                          struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    const struct move_row *move = move_row(change->move);
    const char *from = tmv_phase_name(change->from);
    const char *to = tmv_phase_name(move_leads_to(change->move, change->from));
    struct pgx_args args =
        PGX_ARGS(OWNER_ARGS(owner), PGX_TEXT(from), PGX_TEXT(to), PGX_TEXT(audit_event_name(move->audit)),
                 PGX_TEXT(change->details), PGX_TEXT(change->operator_name), PGX_TEXT(change->last_error));

    if (!move_is_made_from(change->move, change->from) || move->stays || move->to == TMV_PHASE_COMPLETED)
        return err_set(err, TMV_ERR_REFUSED, "a migration does not go from %s to %s", from, to);
    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_phase_change, args, &result, err))
        return err_wrap(err, "changing the phase to %s", to);
    return read_answer(result, owner, to, err);
}

bool control_complete_cutover(struct pgx_conn *conn, const struct owner *owner, const char *target_store,
                              const char *details, const char *operator_name, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    struct pgx_args args =
        PGX_ARGS(OWNER_ARGS(owner), PGX_TEXT(target_store), PGX_TEXT(details), PGX_TEXT(operator_name));

    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_complete, args, &result, err))
        return err_wrap(err, "recording the decision");
    return read_answer(result, owner, "the decision", err);
}

bool control_follow_decision(struct pgx_conn *conn, const struct owner *owner, const char *target_store,
                             const char *details, const char *operator_name, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    struct pgx_args args =
        PGX_ARGS(OWNER_ARGS(owner), PGX_TEXT(target_store), PGX_TEXT(details), PGX_TEXT(operator_name));

    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_follow_decision, args, &result, err))
        return err_wrap(err, "recording a decision that was made");
    return read_answer(result, owner, "the decision was recorded", err);
}

bool control_unsettled(struct pgx_conn *conn, const struct tmv_uuid *migration, bool *ret_open,
                       struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_unsettled, PGX_ARGS(PGX_UUID(migration)), &row, err))
        return err_wrap(err, "looking for what a decision left to do");
    *ret_open = pgx_bool(row, 0, 0);
    return true;
}

bool control_settle(struct pgx_conn *conn, const struct owner *owner, struct tmv_error *err)
{
    return row_owned(conn, owner, sql_control_settle, PGX_ARGS(OWNER_ARGS(owner)), NULL, err)
               ? true
               : err_wrap(err, "recording that the decision's consequences are done");
}

bool control_copy_completed(struct pgx_conn *conn, const struct owner *owner, struct tmv_error *err)
{
    return row_owned(conn, owner, sql_control_copy_completed, PGX_ARGS(OWNER_ARGS(owner)), NULL, err)
               ? true
               : err_wrap(err, "recording the end of the copy");
}

bool control_set_paused(struct pgx_conn *conn, const struct owner *owner, const struct pause_change *change,
                        bool *ret_changed, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    struct pgx_args args = PGX_ARGS(OWNER_ARGS(owner), PGX_BOOL(change->paused), PGX_TEXT(change->reason),
                                    PGX_TEXT(change->operator_name));

    if (!row_owned(conn, owner, sql_control_set_paused, args, &result, err))
        return err_wrap(err, change->paused ? "pausing" : "resuming");
    *ret_changed = !pgx_is_null(result, 0, 1);
    return true;
}

/* The caller frees it; NULL only when memory is out. */
static char *gates_to_json(const struct tmv_gate *gates, size_t count, int64_t now_us)
{
    AUTO(json) cJSON *list = cJSON_CreateArray();

    for (size_t i = 0; list && i < count; i++) {
        cJSON *gate = cJSON_CreateObject();

        if (!gate)
            return NULL;
        json_add_text(gate, "name", gates[i].name);
        json_add_bool(gate, "green", gates[i].green);
        json_add_text(gate, "seen", gates[i].seen);
        json_add_int64(gate, "age_us", now_us - gates[i].at_us);
        cJSON_AddItemToArray(list, gate);
    }
    return list ? json_print(list) : NULL;
}

bool control_report_progress(struct pgx_conn *conn, const struct owner *owner,
                             const struct migration_progress *p, struct tmv_error *err)
{
    int64_t now_us = clock_now_us();
    AUTO_FREE char *gates = p->gates ? gates_to_json(p->gates, p->gate_count, now_us) : NULL;
    AUTO(buf) struct buf figures = BUF_INIT(1000);

    figures_to_json(&p->figures, now_us, &figures);
    if (!buf_ok(&figures, err))
        return false;
    struct pgx_args args =
        PGX_ARGS(OWNER_ARGS(owner), PGX_TEXT(buf_text(&figures)), PGX_BOOL(p->ready), PGX_TEXT(p->step),
                 PGX_TEXT(p->note), PGX_TEXT(gates), PGX_BOOL(p->sample),
                 PGX_TEXT(p->throttle ? p->throttle : ""), PGX_INT(p->throttled_us), PGX_BOOL(p->works));

    if (p->gates && !gates)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (pgx_in_transaction(conn)) /* its commit would not be waited for either */
        return err_set(err, TMV_ERR_INTERNAL, "progress reported inside a transaction");
    if (!row_owned(conn, owner, sql_control_report_progress, args, NULL, err))
        return err_wrap(err, "reporting progress");
    return true;
}

bool control_error_details(const struct tmv_error *what, char **ret_text, struct tmv_error *err)
{
    AUTO(json) cJSON *details = cJSON_CreateObject();

    *ret_text = NULL;
    if (details) {
        json_add_text(details, "code", tmv_code_name(what->code));
        json_add_text(details, "sqlstate", what->sqlstate[0] ? what->sqlstate : NULL);
        json_add_text(details, "message", what->message);
        json_add_text(details, "hint", what->hint[0] ? what->hint : NULL);
        *ret_text = json_print(details);
    }
    return *ret_text || err_set(err, TMV_ERR_NOMEM, "out of memory");
}

bool control_report_error(struct pgx_conn *conn, const struct owner *owner, const struct tmv_error *what,
                          struct tmv_error *err)
{
    AUTO_FREE char *text = NULL;
    char cause[ERR_CAUSE_MAX];

    if (!control_error_details(what, &text, err))
        return false;
    if (!row_owned(conn, owner, sql_control_report_error,
                   PGX_ARGS(OWNER_ARGS(owner), PGX_TEXT(err_cause_first(what, cause)), PGX_TEXT(text)), NULL,
                   err))
        return err_wrap(err, "recording an error");
    return true;
}

bool control_audit(struct pgx_conn *conn, const struct owner *owner, enum audit_event event,
                   const char *details, const char *operator_name, struct tmv_error *err)
{
    if (!row_owned(conn, owner, sql_control_audit_add,
                   PGX_ARGS(OWNER_ARGS(owner), PGX_TEXT(audit_event_name(event)), PGX_TEXT(details),
                            PGX_TEXT(operator_name)),
                   NULL, err))
        return err_wrap(err, "writing the audit row %s", audit_event_name(event));
    return true;
}

bool control_queue_place(struct pgx_conn *conn, const struct tmv_uuid *migration, int64_t *ret_place,
                         struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_queue_place, PGX_ARGS(PGX_UUID(migration)), &result,
                   err))
        return err_wrap(err, "looking for a place in the queue");
    *ret_place = pgx_int(result, 0, 0);
    return true;
}

/* Commands as their executor sees them. */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "control/audit/audit.h"
#include "control/row.h"
#include "sql_embedded.h"

static const char *const states[TMV_COMMAND_STATE_COUNT] = {
    [TMV_COMMAND_REQUESTED] = "requested", [TMV_COMMAND_RUNNING] = "running",
    [TMV_COMMAND_DONE] = "done",           [TMV_COMMAND_REFUSED] = "refused",
    [TMV_COMMAND_FAILED] = "failed",       [TMV_COMMAND_EXPIRED] = "expired",
    [TMV_COMMAND_WITHDRAWN] = "withdrawn",
};

const char *tmv_command_state_name(enum tmv_command_state state)
{
    return (unsigned)state < TMV_COMMAND_STATE_COUNT ? states[state] : "?";
}

static bool parse_state(const char *name, enum tmv_command_state *ret_state)
{
    for (int i = 0; i < TMV_COMMAND_STATE_COUNT; i++) {
        if (strcmp(states[i], name) != 0)
            continue;
        *ret_state = (enum tmv_command_state)i;
        return true;
    }
    return false;
}

bool control_command_take(struct pgx_conn *conn, const struct owner *owner, struct command_row *ret_command,
                          bool *ret_found, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    *ret_found = false;
    if (!row_owned(conn, owner, sql_control_command_take, PGX_ARGS(OWNER_ARGS(owner)), &result, err))
        return err_wrap(err, "looking for a command");
    if (pgx_is_null(result, 0, 1))
        return true;
    memset(ret_command, 0, sizeof *ret_command);
    ret_command->id = pgx_uuid(result, 0, 1);
    if (!tmv_operation_parse(pgx_text(result, 0, 2), &ret_command->operation))
        return err_set(err, TMV_ERR_INTERNAL, "unknown operation %s", pgx_text(result, 0, 2));
    ret_command->generation = pgx_int(result, 0, 3);
    row_text(ret_command->requested_by, sizeof ret_command->requested_by, result, 0, 4);
    row_text(ret_command->reason, sizeof ret_command->reason, result, 0, 5);
    ret_command->keep_copied_events = pgx_bool(result, 0, 6);
    ret_command->force = pgx_bool(result, 0, 7);
    ret_command->repair = pgx_bool(result, 0, 8);
    *ret_found = true;
    return true;
}

bool control_command_finish(struct pgx_conn *conn, const struct owner *owner, const struct tmv_uuid *command,
                            enum tmv_command_state state, const char *outcome, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    struct pgx_args args =
        PGX_ARGS(OWNER_ARGS(owner), PGX_UUID(command), PGX_TEXT(tmv_command_state_name(state)),
                 PGX_TEXT(outcome ? outcome : ""));

    if (!row_owned(conn, owner, sql_control_command_finish, args, &result, err))
        return err_wrap(err, "finishing a command");
    if (pgx_int(result, 0, 1) == 0)
        return err_set(err, TMV_ERR_CONFLICT, "the command is not running any more");
    return true;
}

bool command_read(const struct pgx_result *result, int row, struct tmv_command_info *command,
                  struct tmv_error *err)
{
    char text[TMV_UUID_TEXT];

    command->id = pgx_uuid(result, row, 0);
    command->migration = pgx_uuid(result, row, 1);
    if (!tmv_operation_parse(pgx_text(result, row, 2), &command->operation) ||
        !parse_state(pgx_text(result, row, 3), &command->state))
        return err_set(err, TMV_ERR_INTERNAL, "command %s has an unknown operation or state",
                       tmv_uuid_format(&command->id, text));
    row_text(command->outcome, sizeof command->outcome, result, row, 4);
    row_text(command->requested_by, sizeof command->requested_by, result, row, 5);
    row_text(command->requested_from, sizeof command->requested_from, result, row, 6);
    command->requested_at_us = pgx_int(result, row, 7);
    command->finished_at_us = pgx_int(result, row, 8);
    command->expires_at_us = pgx_int(result, row, 9);
    return true;
}

bool tmv_command_get(struct tmv_control *control, const struct tmv_uuid *id,
                     struct tmv_command_info *ret_command, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    char text[TMV_UUID_TEXT];

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_command_get, PGX_ARGS(PGX_UUID(id)),
                   &result, err))
        return err_wrap(err, "reading a command");
    if (pgx_rows(result) == 0)
        return err_set(err, TMV_ERR_NOT_FOUND, "there is no command %s", tmv_uuid_format(id, text));
    memset(ret_command, 0, sizeof *ret_command);
    return command_read(result, 0, ret_command, err);
}

static bool too_late(const struct tmv_command_info *command, struct tmv_error *err)
{
    const char *operation = tmv_operation_name(command->operation);

    if (command->state == TMV_COMMAND_RUNNING || command->state == TMV_COMMAND_REQUESTED) {
        err_set(err, TMV_ERR_REFUSED, "the %s cannot be withdrawn: an engine has begun with it", operation);
        return err_hint(err, "`tenantmv status` shows what becomes of it");
    }
    return err_set(err, TMV_ERR_REFUSED, "the %s cannot be withdrawn, it is %s: %s", operation,
                   tmv_command_state_name(command->state), command->outcome);
}

bool tmv_command_withdraw(struct tmv_control *control, const struct tmv_uuid *id,
                          const struct tmv_actor *actor, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    struct tmv_command_info command;

    if (!control_check_writable(control, err))
        return false;
    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_command_withdraw,
                   PGX_ARGS(PGX_UUID(id), PGX_TEXT(actor->name), PGX_TEXT(actor->from)), &result, err))
        return err_wrap(err, "withdrawing a request");
    if (pgx_bool(result, 0, 0))
        return true;
    return tmv_command_get(control, id, &command, err) && too_late(&command, err);
}

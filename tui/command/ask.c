#include "command/ask.h"

#include <stdio.h>
#include <string.h>

#include "cli/confirm.h"
#include "cli/output.h"
#include "cli/owned.h"
#include "cli/progress.h"
#include "cli/resolve.h"
#include "command/report.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/text.h"
#include "view/attempt.h"
#include "widgets/format.h"

#define POLL_US INT64_C(200000)
#define SILENT_US                                                                                            \
    INT64_C(10000000) /* an engine not heard for so long is taken for dead; leases end long before */

/* One command on its way. */
struct errand {
    struct cli *cli;
    const struct ask *ask;
    struct tmv_control *control;
    struct tmv_migration migration;  /* as last seen */
    struct tmv_command_info command; /* as last seen */
    bool warned;                     /* it was said that no engine runs */
};

bool engine_is_alive(const struct tmv_migration *migration)
{
    return *migration->owner && migration->owner_age_us >= 0 && migration->owner_age_us < SILENT_US;
}

static bool is_finished(const struct tmv_command_info *command)
{
    return command->state != TMV_COMMAND_REQUESTED && command->state != TMV_COMMAND_RUNNING;
}

/* Reads the migration anew, and with it the attempt that belongs to the command, for the report. */
static bool look(struct errand *e, struct tmv_attempt *ret_attempt, bool *ret_has_attempt,
                 struct tmv_error *err)
{
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    const struct tmv_attempt *attempt;

    if (!tmv_snapshot_read(e->control, &e->migration.tenant, 20, &snapshot, err))
        return false;
    for (size_t i = 0; i < snapshot->migration_count; i++)
        if (tmv_uuid_equal(&snapshot->migrations[i].id, &e->migration.id))
            e->migration = snapshot->migrations[i];
    attempt = attempt_latest(snapshot, &e->migration.id);
    *ret_has_attempt = attempt && attempt->started_at_us >= e->command.requested_at_us;
    if (*ret_has_attempt)
        *ret_attempt = *attempt;
    return true;
}

static void say_no_engine(struct errand *e)
{
    if (e->warned || e->command.state != TMV_COMMAND_REQUESTED || engine_is_alive(&e->migration))
        return;
    e->warned = true;
    cli_note(e->cli,
             e->command.expires_at_us
                 ? "no engine runs: start `tenantmv worker` or the console before the request expires"
                 : "no engine runs: start `tenantmv worker` or the console; the request waits for one");
}

static void show_progress(struct errand *e, struct progress *progress)
{
    const struct tmv_migration *m = &e->migration;
    char lag[FORMAT_MAX], stage[80];

    snprintf(stage, sizeof stage, "%s %s", tmv_operation_name(e->command.operation),
             tmv_command_state_name(e->command.state));
    progress_show(progress, -1, stage, "%s  lag %s  %s", tmv_display_state_name(m->show),
                  format_duration(m->lag_us, lag), *m->step ? m->step : m->note);
}

/* Waits until the command is finished or `deadline_us` (monotonic) has passed. */
static bool wait_for_outcome(struct errand *e, const struct tmv_uuid *id, struct tmv_error *err)
{
    int64_t started = clock_now_us();
    int64_t deadline = started + (e->ask->wait ? e->ask->timeout_us : ASK_GRACE_US);
    struct progress progress;
    struct tmv_attempt attempt;
    bool has_attempt, ok = true;

    progress_begin(&progress, e->cli);
    for (;;) {
        ok = tmv_command_get(e->control, id, &e->command, err) && look(e, &attempt, &has_attempt, err);
        if (!ok || is_finished(&e->command) || cli_interrupted() || clock_now_us() >= deadline)
            break;
        if (clock_now_us() - started >= ASK_GRACE_US) {
            progress_end(&progress);
            say_no_engine(e);
        }
        if (e->ask->wait)
            show_progress(e, &progress);
        ok = tmv_control_wait_change(e->control, POLL_US, err);
        if (!ok)
            break;
    }
    progress_end(&progress);
    return ok;
}

/* The engine writes the attempt's figures a moment after the command's outcome; wait for them, but not for
 * ever. */
static bool read_attempt(struct errand *e, struct tmv_attempt *ret_attempt, bool *ret_has_attempt,
                         struct tmv_error *err)
{
    enum tmv_operation operation = e->command.operation;
    bool expected =
        e->command.state == TMV_COMMAND_DONE && (operation == TMV_OP_CUTOVER || operation == TMV_OP_REHEARSE);
    int64_t until = clock_now_us() + ASK_GRACE_US;

    for (;;) {
        if (!look(e, ret_attempt, ret_has_attempt, err))
            return false;
        bool there = *ret_has_attempt && ret_attempt->outcome != TMV_ATTEMPT_RUNNING;
        if (there || !expected || clock_now_us() >= until)
            return true;
        if (!tmv_control_wait_change(e->control, POLL_US, err))
            return false;
    }
}

static void print_json(struct errand *e, const struct tmv_attempt *attempt)
{
    cJSON *document = cli_document(e->cli);
    cJSON *command = cJSON_AddObjectToObject(document, "command");

    json_id(command, "id", &e->command.id);
    cJSON_AddStringToObject(command, "operation", tmv_operation_name(e->command.operation));
    cJSON_AddStringToObject(command, "state", tmv_command_state_name(e->command.state));
    json_text(command, "outcome", e->command.outcome);
    json_text(command, "requested_by", e->command.requested_by);
    json_time(command, "requested_at", e->command.requested_at_us);
    json_time(command, "finished_at", e->command.finished_at_us);
    json_time(command, "expires_at", e->command.expires_at_us);
    cJSON_AddBoolToObject(document, "engine_alive", engine_is_alive(&e->migration));
    cJSON_AddItemToObject(document, "migration", report_migration_json(e->cli, &e->migration));
    if (attempt)
        cJSON_AddItemToObject(document, "attempt", report_attempt_json(attempt));
}

static void print_text(struct errand *e, const struct tmv_attempt *attempt)
{
    char label[CONFIG_ALIAS_MAX], id[TMV_UUID_TEXT], text[200];

    tenant_label(e->cli, &e->migration.tenant, label);
    tmv_uuid_format(&e->command.id, id);
    if (e->command.state == TMV_COMMAND_DONE)
        printf("%s %s: done%s%s\n", tmv_operation_name(e->command.operation), label,
               *e->command.outcome ? ": " : "", text_sanitize(e->command.outcome));
    else if (!is_finished(&e->command))
        printf("%s %s: %s (command %.8s)\n", tmv_operation_name(e->command.operation), label,
               tmv_command_state_name(e->command.state), id);
    if (attempt && attempt->pause_us > 0)
        printf("%s\n", report_attempt_text(attempt, text));
}

/* After Ctrl-C: what becomes of the request is the person's to say. */
static bool stopped_waiting(const struct errand *e, struct tmv_error *err)
{
    const char *operation = tmv_operation_name(e->command.operation);
    char answer[20] = "", label[CONFIG_ALIAS_MAX], id[TMV_UUID_TEXT];
    struct tmv_actor actor;

    tmv_uuid_format(&e->command.id, id);
    tenant_label(e->cli, &e->migration.tenant, label);
    cli_actor(e->cli, &actor);
    if (e->command.state == TMV_COMMAND_REQUESTED &&
        ask_line(e->cli, "\nWithdraw the request? Type y to withdraw it, anything else leaves it: ", answer,
                 sizeof answer) &&
        strcmp(answer, "y") == 0) {
        if (!tmv_command_withdraw(e->control, &e->command.id, &actor, err))
            return false;
        return err_set(err, TMV_ERR_CANCELLED, "stopped waiting; the %s is withdrawn", operation);
    }
    err_set(err, TMV_ERR_CANCELLED, "stopped waiting; the %s stays %s (command %.8s)", operation,
            tmv_command_state_name(e->command.state), id);
    return err_hint(err,
                    e->command.state == TMV_COMMAND_REQUESTED
                        ? "`tenantmv withdraw %s` takes it back"
                        : "`tenantmv status %s` shows what becomes of it",
                    label);
}

/* The error that the outcome is, if it is one. */
static bool judge(const struct errand *e, struct tmv_error *err)
{
    char id[TMV_UUID_TEXT];
    const char *operation = tmv_operation_name(e->command.operation);

    tmv_uuid_format(&e->command.id, id);
    if (e->command.state == TMV_COMMAND_EXPIRED || e->command.state == TMV_COMMAND_WITHDRAWN)
        return err_set(err, TMV_ERR_REFUSED, "%s", e->command.outcome);
    if (e->command.state == TMV_COMMAND_REFUSED)
        return err_set(err, TMV_ERR_REFUSED, "%s",
                       *e->command.outcome ? e->command.outcome : "the engine refused it");
    if (e->command.state == TMV_COMMAND_FAILED)
        return err_set(err, TMV_ERR_SQL, "%s",
                       *e->command.outcome ? e->command.outcome : "the engine could not do it");
    if (is_finished(&e->command))
        return true;
    if (cli_interrupted())
        return stopped_waiting(e, err);
    if (!e->ask->wait)
        return true;
    err_set(err, TMV_ERR_TIMEOUT, "the %s is not done yet (command %.8s stays %s)", operation, id,
            tmv_command_state_name(e->command.state));
    return err_hint(err, e->warned ? "no engine runs: start `tenantmv worker` or the console"
                                   : "`tenantmv status` shows what it waits for");
}

bool ask_engine(struct cli *cli, const struct tmv_migration *migration, const struct ask *ask,
                struct tmv_error *err)
{
    struct errand e = {.cli = cli, .ask = ask, .migration = *migration};
    struct tmv_request request = ask->request;
    struct tmv_attempt attempt;
    struct tmv_actor actor;
    struct tmv_uuid id;
    bool has_attempt = false;

    request.migration = migration->id;
    request.generation = migration->generation;
    cli_actor(cli, &actor);
    cli_catch_interrupts();
    if (!cli_control(cli, &e.control, err) || !tmv_request(e.control, &request, &actor, &id, err) ||
        !wait_for_outcome(&e, &id, err) || !read_attempt(&e, &attempt, &has_attempt, err))
        return false;
    say_no_engine(&e);
    if (cli->json)
        print_json(&e, has_attempt ? &attempt : NULL);
    else
        print_text(&e, has_attempt ? &attempt : NULL);
    return judge(&e, err);
}

/* tenantmv abort */
#include <stdio.h>

#include "cli/confirm.h"
#include "cli/output.h"
#include "cli/owned.h"
#include "cli/resolve.h"
#include "command/ask.h"
#include "command/table.h"
#include "lib/err.h"
#include "widgets/format.h"

struct arguments {
    const char *what, *confirm, *reason;
    bool keep, wait, foreign;
    int64_t timeout_us, within_us;
};
static const struct arguments defaults = {.timeout_us = ASK_TIMEOUT_US};
static const struct option_spec options[] = {
    OPT_TEXT("reason", 'r', offsetof(struct arguments, reason), "TEXT", TMV_REASON_MAX - 1, COMPLETE_NOTHING,
             "why, for the audit; without it you are asked, on a terminal"),
    OPT_TEXT("confirm", 0, offsetof(struct arguments, confirm), "TENANT", 100, COMPLETE_TENANT,
             "the tenant once more; without it you are asked, on a terminal"),
    OPT_FLAG("keep-events", 0, offsetof(struct arguments, keep), "leave the copied events on the target"),
    OPT_FLAG(
        "foreign", 0, offsetof(struct arguments, foreign),
        "end a migration that another program ran and left behind; without an engine, and without touching "
        "the stores"),
    ASK_WITHIN_OPTION(struct arguments),
    ASK_WAIT_OPTIONS(struct arguments),
    {0},
};
static const struct operand_spec operands[] = {
    {"TENANT", offsetof(struct arguments, what), false, NULL, COMPLETE_TENANT, "a tenant or a migration"},
    {0},
};

/* The reason that was given, or typed into `typed` (TMV_REASON_MAX); NULL and an error without one. */
static const char *wanted_reason(struct cli *cli, const struct arguments *a, char *typed,
                                 struct tmv_error *err)
{
    if (a->reason)
        return a->reason;
    if (ask_line(cli, "Reason: ", typed, TMV_REASON_MAX))
        return typed;
    err_set(err, TMV_ERR_USAGE, "an abort needs a reason");
    err_hint(err, "add --reason \"…\"; it goes into the audit");
    return NULL;
}

static bool confirm_and_ask(struct cli *cli, const struct tmv_migration *migration, const struct arguments *a,
                            struct tmv_error *err)
{
    char typed[TMV_REASON_MAX] = "";
    char why[TMV_REASON_MAX];
    struct ask ask = {
        .request = {.operation = TMV_OP_ABORT, .keep_copied_events = a->keep, .lifetime_us = a->within_us},
        .wait = a->wait,
        .timeout_us = a->timeout_us};

    if (!tmv_foreign_check(migration, err))
        return false;
    if (!tmv_operation_allowed(migration, TMV_OP_ABORT, why))
        return err_set(err, TMV_ERR_REFUSED, "%s", why);
    ask.request.reason = wanted_reason(cli, a, typed, err);
    return ask.request.reason &&
           confirm_tenant(
               cli, migration, a->confirm,
               a->keep
                   ? "The migration ends; the copied events stay on the target, the source is untouched."
                   : "The migration ends and the copied events are removed from the target; the source is "
                     "untouched.",
               err) &&
           ask_engine(cli, migration, &ask, err);
}

static void print_ended(struct cli *cli, const struct tmv_migration *migration, enum tmv_phase phase)
{
    char label[CONFIG_ALIAS_MAX];

    if (!cli->json) {
        printf("abort %s: %s; the stores were not touched\n", tenant_label(cli, &migration->tenant, label),
               tmv_phase_name(phase));
        return;
    }
    json_id(cli_document(cli), "migration", &migration->id);
    json_id(cli_document(cli), "tenant", &migration->tenant);
    cJSON_AddStringToObject(cli_document(cli), "phase", tmv_phase_name(phase));
    cJSON_AddBoolToObject(cli_document(cli), "foreign", true);
}

/* A program that left no row of an engine behind: its migration is ended in the control database, now. */
static bool confirm_and_end(struct cli *cli, const struct tmv_migration *migration, const struct arguments *a,
                            int64_t now_us, struct tmv_error *err)
{
    char typed[TMV_REASON_MAX] = "", effect[TMV_REASON_MAX], age[FORMAT_MAX];
    struct tmv_control *control;
    struct tmv_actor actor;
    enum tmv_phase phase;
    const char *reason;

    if (a->keep || a->wait || a->within_us) {
        err_set(err, TMV_ERR_USAGE, "--foreign cannot be combined with --keep-events, --wait or --within");
        return err_hint(err, "the migration ends immediately, without an engine; the stores are not changed");
    }
    reason = wanted_reason(cli, a, typed, err);
    if (!reason)
        return false;
    snprintf(effect, sizeof effect,
             "Started by %.100s, in %s, last active %s ago. If that program still runs, it may continue to "
             "write.\n"
             "The migration ends and routing is set to `normal`; what was copied stays on the target.",
             *migration->created_by ? migration->created_by : "an unnamed program",
             tmv_phase_name(migration->phase), format_duration(now_us - migration->foreign_sign_at_us, age));
    cli_actor(cli, &actor);
    if (!confirm_tenant(cli, migration, a->confirm, effect, err) || !cli_control(cli, &control, err) ||
        !tmv_foreign_abort(control, migration, reason, &actor, &phase, err))
        return false;
    print_ended(cli, migration, phase);
    return true;
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    const struct tmv_migration *migration = NULL;

    if (!resolve_migration(cli, a->what, &snapshot, &migration, err))
        return false;
    if (a->foreign && migration->generation == 0)
        return confirm_and_end(cli, migration, a, snapshot->taken_at_us, err);
    if (!a->foreign)
        return confirm_and_ask(cli, migration, a, err);
    err_set(err, TMV_ERR_REFUSED, "no other program runs this migration");
    return err_hint(err, "abort it without --foreign");
}

const struct command command_abort = {
    .name = "abort",
    .summary = "end a migration and take everything back",
    .description =
        "Ends a migration before its cutover: the tenant stays on the source, which is untouched; the copied "
        "events are removed from the target, and so is everything else that the migration created.\n\n"
        "The tenant has to be named once more, with --confirm or on a terminal.\n\n"
        "With --foreign it ends a migration that another program (a coordinator of eventsource-py) wrote "
        "into "
        "the control database and left behind. `tenantmv status` shows whose it is and when that program "
        "last "
        "gave a sign. If phase or last sign has changed since it was shown, that program is alive: the "
        "abort is refused, and nothing is done (exit code 1). The stores stay as they are.",
    .options = options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .examples = "  tenantmv abort acme --reason \"wrong target\" --confirm acme --wait\n"
                "  tenantmv abort acme --foreign --reason \"its host is gone\" --confirm acme\n",
    .access = ACCESS_WRITE,
    .run = run,
};

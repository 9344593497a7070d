/* tenantmv cutover, rehearse */
#include <stdio.h>

#include "cli/confirm.h"
#include "cli/owned.h"
#include "cli/resolve.h"
#include "command/ask.h"
#include "command/table.h"
#include "lib/err.h"
#include "widgets/format.h"

struct arguments {
    const char *what, *confirm, *reason;
    bool force, wait;
    int64_t timeout_us, within_us;
};
static const struct arguments defaults = {.timeout_us = ASK_TIMEOUT_US};
static const struct option_spec cutover_options[] = {
    OPT_TEXT("confirm", 0, offsetof(struct arguments, confirm), "TENANT", 100, COMPLETE_TENANT,
             "the tenant once more; without it you are asked, on a terminal"),
    OPT_FLAG("force", 0, offsetof(struct arguments, force),
             "without the gate of the verification; needs --reason, which goes into the audit"),
    OPT_TEXT("reason", 'r', offsetof(struct arguments, reason), "TEXT", TMV_REASON_MAX - 1, COMPLETE_NOTHING,
             "why, for the audit"),
    ASK_WITHIN_OPTION(struct arguments),
    ASK_WAIT_OPTIONS(struct arguments),
    {0},
};
static const struct option_spec rehearse_options[] = {
    ASK_WITHIN_OPTION(struct arguments), ASK_WAIT_OPTIONS(struct arguments), {0}};
static const struct operand_spec operands[] = {
    {"TENANT", offsetof(struct arguments, what), false, NULL, COMPLETE_TENANT, "a tenant or a migration"},
    {0},
};

static bool confirm_and_ask(struct cli *cli, const struct tmv_migration *migration, const struct arguments *a,
                            struct tmv_error *err)
{
    const struct ask ask = {.request = {.operation = TMV_OP_CUTOVER,
                                        .reason = a->reason,
                                        .force = a->force,
                                        .lifetime_us = a->within_us},
                            .wait = a->wait,
                            .timeout_us = a->timeout_us};
    char why[TMV_REASON_MAX], effect[400], pause[FORMAT_MAX];

    if (!tmv_operation_allowed(migration, TMV_OP_CUTOVER, why))
        return err_set(err, TMV_ERR_REFUSED, "%s", why);
    snprintf(effect, sizeof effect,
             "The tenant's writes are held for about %s and then go to the target; if that does not succeed "
             "in time, "
             "everything stays as it is.%s",
             migration->predicted_pause_us < 0 ? "some milliseconds"
                                               : format_duration(migration->predicted_pause_us, pause),
             a->force ? " The stores are NOT verified to be equal first." : "");
    return confirm_tenant(cli, migration, a->confirm, effect, err) && ask_engine(cli, migration, &ask, err);
}

static bool run_cutover(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    const struct tmv_migration *migration = NULL;

    if (a->force && !a->reason) {
        err_set(err, TMV_ERR_USAGE, "--force needs --reason");
        return err_hint(err, "say why the verification may be skipped; it goes into the audit");
    }
    if (!resolve_migration(cli, a->what, &snapshot, &migration, err))
        return false;
    return confirm_and_ask(cli, migration, a, err);
}

static bool run_rehearse(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    const struct ask ask = {.request = {.operation = TMV_OP_REHEARSE, .lifetime_us = a->within_us},
                            .wait = a->wait,
                            .timeout_us = a->timeout_us};
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    const struct tmv_migration *migration = NULL;

    if (!resolve_migration(cli, a->what, &snapshot, &migration, err))
        return false;
    return ask_engine(cli, migration, &ask, err);
}

const struct command command_cutover = {
    .name = "cutover",
    .summary = "switch a tenant to the target store",
    .description =
        "Asks the engine to cut over: the tenant's writes are held for some milliseconds, what is "
        "left is drained and "
        "verified, and one transaction decides that the tenant lives on the target. If a gate is "
        "red nothing is touched "
        "(exit code 3); if a budget is exceeded everything is rolled back by itself (exit code "
        "1), and the migration continues to mirror. A gate that flickers gets a second to be green.\n\nThe "
        "request is refused while no "
        "engine runs, "
        "and expires after a minute (--within): an engine that is started later does not carry it out. "
        "`tenantmv withdraw` takes it back.\n\nThe tenant has to be named once more, with --confirm or on a "
        "terminal.",
    .options = cutover_options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .examples = "  tenantmv cutover acme --wait\n"
                "  tenantmv cutover acme --confirm acme --wait --json\n",
    .access = ACCESS_WRITE,
    .run = run_cutover,
};

const struct command command_rehearse = {
    .name = "rehearse",
    .summary = "do everything of a cutover but the decision, and report the pause",
    .description =
        "Runs the steps of the cutover on live traffic without arming the target and without deciding, and "
        "reports how long the tenant's writes would have been held.",
    .options = rehearse_options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .access = ACCESS_WRITE,
    .run = run_rehearse,
};

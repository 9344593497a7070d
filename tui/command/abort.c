/* tenantmv abort */
#include <stdio.h>

#include "cli/confirm.h"
#include "cli/owned.h"
#include "cli/resolve.h"
#include "command/ask.h"
#include "command/table.h"
#include "lib/err.h"

struct arguments {
    const char *what, *confirm, *reason;
    bool keep, wait;
    int64_t timeout_us, within_us;
};
static const struct arguments defaults = {.timeout_us = ASK_TIMEOUT_US};
static const struct option_spec options[] = {
    OPT_TEXT("reason", 'r', offsetof(struct arguments, reason), "TEXT", TMV_REASON_MAX - 1, COMPLETE_NOTHING,
             "why, for the audit; without it you are asked, on a terminal"),
    OPT_TEXT("confirm", 0, offsetof(struct arguments, confirm), "TENANT", 100, COMPLETE_TENANT,
             "the tenant once more; without it you are asked, on a terminal"),
    OPT_FLAG("keep-events", 0, offsetof(struct arguments, keep), "leave the copied events on the target"),
    ASK_WITHIN_OPTION(struct arguments),
    ASK_WAIT_OPTIONS(struct arguments),
    {0},
};
static const struct operand_spec operands[] = {
    {"TENANT", offsetof(struct arguments, what), false, NULL, COMPLETE_TENANT, "a tenant or a migration"},
    {0},
};

static bool confirm_and_ask(struct cli *cli, const struct tmv_migration *migration, const struct arguments *a,
                            struct tmv_error *err)
{
    char typed[TMV_REASON_MAX] = "";
    char why[TMV_REASON_MAX];
    struct ask ask = {.request = {.operation = TMV_OP_ABORT,
                                  .reason = a->reason,
                                  .keep_copied_events = a->keep,
                                  .lifetime_us = a->within_us},
                      .wait = a->wait,
                      .timeout_us = a->timeout_us};

    if (!tmv_operation_allowed(migration, TMV_OP_ABORT, why))
        return err_set(err, TMV_ERR_REFUSED, "%s", why);
    if (!ask.request.reason && ask_line(cli, "Reason: ", typed, sizeof typed))
        ask.request.reason = typed;
    if (!ask.request.reason) {
        err_set(err, TMV_ERR_USAGE, "an abort needs a reason");
        return err_hint(err, "add --reason \"…\"; it goes into the audit");
    }
    return confirm_tenant(
               cli, migration, a->confirm,
               a->keep
                   ? "The migration ends; the copied events stay on the target, the source is untouched."
                   : "The migration ends and the copied events are removed from the target; the source is "
                     "untouched.",
               err) &&
           ask_engine(cli, migration, &ask, err);
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    const struct tmv_migration *migration = NULL;

    if (!resolve_migration(cli, a->what, &snapshot, &migration, err))
        return false;
    return confirm_and_ask(cli, migration, a, err);
}

const struct command command_abort = {
    .name = "abort",
    .summary = "end a migration and take everything back",
    .description =
        "Ends a migration before its cutover: the tenant stays on the source, which is untouched; the copied "
        "events are removed from the target, and so is everything else that the migration created.\n\n"
        "The tenant has to be named once more, with --confirm or on a terminal.",
    .options = options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .examples = "  tenantmv abort acme --reason \"wrong target\" --confirm acme --wait\n",
    .access = ACCESS_WRITE,
    .run = run,
};

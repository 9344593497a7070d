/* tenantmv pause, resume */
#include "cli/owned.h"
#include "cli/resolve.h"
#include "command/ask.h"
#include "command/table.h"

struct arguments {
    const char *what, *reason;
    bool wait;
    int64_t timeout_us;
};
static const struct arguments defaults = {.timeout_us = ASK_TIMEOUT_US};
static const struct option_spec pause_options[] = {
    OPT_TEXT("reason", 'r', offsetof(struct arguments, reason), "TEXT", TMV_REASON_MAX - 1, COMPLETE_NOTHING,
             "why, for the others who look at it and for the audit"),
    ASK_WAIT_OPTIONS(struct arguments),
    {0},
};
static const struct option_spec resume_options[] = {ASK_WAIT_OPTIONS(struct arguments), {0}};
static const struct operand_spec operands[] = {
    {"TENANT", offsetof(struct arguments, what), false, NULL, COMPLETE_TENANT, "a tenant or a migration"},
    {0},
};

static bool ask(struct cli *cli, const struct arguments *a, enum tmv_operation operation,
                struct tmv_error *err)
{
    const struct ask ask = {.request = {.operation = operation, .reason = a->reason},
                            .wait = a->wait,
                            .timeout_us = a->timeout_us};
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    const struct tmv_migration *migration = NULL;

    if (!resolve_migration(cli, a->what, &snapshot, &migration, err))
        return false;
    return ask_engine(cli, migration, &ask, err);
}

static bool run_pause(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    return ask(cli, arguments, TMV_OP_PAUSE, err);
}

static bool run_resume(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    return ask(cli, arguments, TMV_OP_RESUME, err);
}

const struct command command_pause = {
    .name = "pause",
    .summary = "pause a migration; the tenant's writers are not affected",
    .description = "Stops the copy at the end of the chunks that run, or the mirroring of new events, and "
                   "loses nothing. "
                   "Writers continue to write to the source; the lag grows until `tenantmv resume`.",
    .options = pause_options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .examples = "  tenantmv pause acme --reason \"deploy of the billing service\"\n",
    .access = ACCESS_WRITE,
    .run = run_pause,
};

const struct command command_resume = {
    .name = "resume",
    .summary = "resume a paused migration",
    .options = resume_options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .access = ACCESS_WRITE,
    .run = run_resume,
};

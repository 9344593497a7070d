/* tenantmv finalize */
#include "cli/confirm.h"
#include "cli/owned.h"
#include "cli/resolve.h"
#include "command/ask.h"
#include "command/table.h"
#include "lib/err.h"

struct arguments {
    const char *what, *confirm, *reason;
    bool readers_moved, abandon, wait;
    int64_t timeout_us;
};
static const struct arguments defaults = {.timeout_us = ASK_TIMEOUT_US};
static const struct option_spec options[] = {
    OPT_FLAG("readers-moved", 0, offsetof(struct arguments, readers_moved),
             "no application reads the tenant's events in the old store any more"),
    OPT_FLAG("abandon-source", 0, offsetof(struct arguments, abandon),
             "the old store is lost, or cannot be kept current: end it without a proof; needs --reason"),
    OPT_TEXT("reason", 'r', offsetof(struct arguments, reason), "TEXT", TMV_REASON_MAX - 1, COMPLETE_NOTHING,
             "why, for the audit"),
    OPT_TEXT("confirm", 0, offsetof(struct arguments, confirm), "TENANT", 100, COMPLETE_TENANT,
             "with --abandon-source: the tenant once more; without it you are asked, on a terminal"),
    ASK_WAIT_OPTIONS(struct arguments),
    {0},
};
static const struct operand_spec operands[] = {
    {"TENANT", offsetof(struct arguments, what), false, NULL, COMPLETE_TENANT, "a tenant or a migration"},
    {0},
};

/* What only the operator can know is said by an option. */
static bool check(const struct arguments *a, struct tmv_error *err)
{
    if (a->abandon && !a->reason) {
        err_set(err, TMV_ERR_USAGE, "--abandon-source needs --reason");
        return err_hint(err, "say why the old store is given up; it goes into the audit");
    }
    if (a->abandon || a->readers_moved)
        return true;
    err_set(err, TMV_ERR_USAGE,
            "--readers-moved is missing: does no application read the tenant's events in the old store any "
            "more?");
    return err_hint(err, "readers of the old store fall behind from then on; eventsource-py's router reads "
                         "streams from its default store, always");
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    static const char effect[] = "The old store gets no more events of the tenant, and what it has is not "
                                 "compared. The new store is not touched.";
    const struct arguments *a = arguments;
    const struct ask ask = {
        .request = {.operation = TMV_OP_FINALIZE, .reason = a->reason, .force = a->abandon},
        .wait = a->wait,
        .timeout_us = a->timeout_us};
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    const struct tmv_migration *migration = NULL;

    return check(a, err) && resolve_migration(cli, a->what, &snapshot, &migration, err) &&
           (!a->abandon || confirm_tenant(cli, migration, a->confirm, effect, err)) &&
           ask_engine(cli, migration, &ask, err);
}

const struct command command_finalize = {
    .name = "finalize",
    .summary = "stop keeping a tenant's old store current",
    .description =
        "Ends what `tenantmv start --hold` asked for: events that are written to the tenant's new store are "
        "not carried to the old one any more. Refused unless everything up to now was carried and is proven "
        "equal; with --abandon-source nothing is compared, and the old store may be away. The tenant's rows "
        "stay in the old store, and so does its fence.",
    .options = options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .examples = "  tenantmv finalize acme --readers-moved --wait\n"
                "  tenantmv finalize acme --abandon-source --reason \"server lost\" --confirm acme --wait\n",
    .access = ACCESS_WRITE,
    .run = run,
};

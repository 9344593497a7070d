/* tenantmv finalize */
#include "cli/owned.h"
#include "cli/resolve.h"
#include "command/ask.h"
#include "command/table.h"

#include "lib/err.h"

struct arguments {
    const char *what;
    bool readers_moved;
    bool wait;
    int64_t timeout_us;
};
static const struct arguments defaults = {.timeout_us = ASK_TIMEOUT_US};
static const struct option_spec options[] = {
    OPT_FLAG("readers-moved", 0, offsetof(struct arguments, readers_moved),
             "no application reads the tenant's events in the old store any more"),
    ASK_WAIT_OPTIONS(struct arguments),
    {0},
};
static const struct operand_spec operands[] = {
    {"TENANT", offsetof(struct arguments, what), false, NULL, COMPLETE_TENANT, "a tenant or a migration"},
    {0},
};

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    const struct ask ask = {
        .request = {.operation = TMV_OP_FINALIZE}, .wait = a->wait, .timeout_us = a->timeout_us};
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    const struct tmv_migration *migration = NULL;

    if (!a->readers_moved) {
        err_set(err, TMV_ERR_USAGE,
                "--readers-moved is missing: does no application read the tenant's events in the old store "
                "any more?");
        return err_hint(
            err, "what reads there is behind permanently from then on; eventsource-py's router reads streams "
                 "from its default store, always");
    }
    return resolve_migration(cli, a->what, &snapshot, &migration, err) &&
           ask_engine(cli, migration, &ask, err);
}

const struct command command_finalize = {
    .name = "finalize",
    .summary = "stop keeping the store current that a tenant has left",
    .description =
        "Ends what `tenantmv start --hold` asked for: events that are written to the tenant's new store are "
        "not "
        "carried to the old one any more. Refused unless everything up to now was carried and is proven "
        "equal. The tenant's rows stay in the old store, and so does its fence.",
    .options = options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .examples = "  tenantmv finalize acme --readers-moved --wait\n",
    .access = ACCESS_WRITE,
    .run = run,
};

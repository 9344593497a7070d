/* tenantmv withdraw */
#include <stdio.h>

#include "cli/output.h"
#include "cli/owned.h"
#include "cli/resolve.h"
#include "command/table.h"
#include "lib/err.h"

struct arguments {
    const char *what;
};
static const struct operand_spec operands[] = {
    {"TENANT", offsetof(struct arguments, what), false, NULL, COMPLETE_TENANT, "a tenant or a migration"},
    {0},
};

static bool withdraw(struct cli *cli, const struct tmv_migration *m, struct tmv_error *err)
{
    const char *operation = tmv_operation_name(m->request.operation);
    struct tmv_control *control;
    struct tmv_actor actor;
    char label[CONFIG_ALIAS_MAX];

    tenant_label(cli, &m->tenant, label);
    if (tmv_uuid_is_nil(&m->request.id)) {
        err_set(err, TMV_ERR_REFUSED, "nothing is asked of the migration of %s that could be withdrawn",
                label);
        return err_hint(err, "`tenantmv status %s` shows what was done", label);
    }
    cli_actor(cli, &actor);
    if (!cli_control(cli, &control, err) || !tmv_command_withdraw(control, &m->request.id, &actor, err))
        return false;
    if (cli->json) {
        json_id(cli_document(cli), "withdrawn", &m->request.id);
        cJSON_AddStringToObject(cli_document(cli), "operation", operation);
    } else {
        printf("%s %s: withdrawn; nothing was done\n", operation, label);
    }
    return true;
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    const struct tmv_migration *migration = NULL;

    if (!resolve_migration(cli, a->what, &snapshot, &migration, err))
        return false;
    return withdraw(cli, migration, err);
}

const struct command command_withdraw = {
    .name = "withdraw",
    .summary = "take back a request that no engine has begun with",
    .description =
        "Takes back the request that waits for the engine of a migration: a cutover, a rehearsal, an abort, "
        "a "
        "pause, a resume or a verification. Exit code 3 when there is none, or when an engine has begun.",
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .access = ACCESS_WRITE,
    .run = run,
};

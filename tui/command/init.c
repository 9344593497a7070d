/* tenantmv init */
#include <stdio.h>

#include "command/table.h"

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const char *conninfo;

    (void)arguments;
    if (!cli_conninfo(cli, &conninfo, err) || !tmv_control_init(conninfo, err))
        return false;
    if (cli->json)
        cJSON_AddBoolToObject(cli_document(cli), "initialized", true);
    else
        puts("the control database is ready; next: tenantmv store add NAME CONNINFO");
    return true;
}

const struct command command_init = {
    .name = "init",
    .summary = "create or upgrade the tables of the control database",
    .description =
        "Creates the four tables that eventsource-py's processes also use (tenant_migrations, "
        "tenant_routing, "
        "migration_position_mappings, migration_audit_log) and the schema tenantmv in the control database, "
        "or upgrades them. Doing it again changes nothing.",
    .examples = "  tenantmv init --control \"host=db1 dbname=tenantmv\"\n",
    .access = ACCESS_NONE,
    .run = run,
};

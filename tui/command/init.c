/* tenantmv init */
#include <stdio.h>

#include "cli/output.h"
#include "command/table.h"

struct arguments {
    const char *read_only_role;
};
static const struct option_spec options[] = {
    OPT_TEXT("read-only-role", 0, offsetof(struct arguments, read_only_role), "NAME", 63, COMPLETE_NOTHING,
             "also make a role for `tenantmv watch` that may read everything here and change nothing"),
    {0},
};

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    const char *conninfo;

    if (!cli_conninfo(cli, &conninfo, err) || !tmv_control_init(conninfo, err) ||
        (a->read_only_role && !tmv_control_read_only_role(conninfo, a->read_only_role, err)))
        return false;
    if (cli->json) {
        cJSON_AddBoolToObject(cli_document(cli), "initialized", true);
        json_text(cli_document(cli), "read_only_role", a->read_only_role ? a->read_only_role : "");
    } else {
        puts("the control database is ready; next: tenantmv store add NAME CONNINFO");
    }
    if (a->read_only_role)
        cli_note(cli, "%s may read it and change nothing; it has no password yet: \\password %s in psql",
                 a->read_only_role, a->read_only_role);
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
    .options = options,
    .arguments_size = sizeof(struct arguments),
    .examples = "  tenantmv init --control \"host=db1 dbname=tenantmv\"\n"
                "  tenantmv init --read-only-role tenantmv_watch\n",
    .access = ACCESS_NONE,
    .run = run,
};

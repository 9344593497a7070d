/* tenantmv export: data as CSV or JSON, and the record of a migration as a bundle. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/owned.h"
#include "cli/resolve.h"
#include "command/table.h"
#include "export/bundle.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/text.h"

struct arguments {
    const char *format, *what, *output;
};
static const char *const formats[] = {"csv", "json", "bundle", NULL};
static const struct option_spec options[] = {
    OPT_TEXT("output", 'o', offsetof(struct arguments, output), "PATH", 300, COMPLETE_FILE,
             "file, or folder of a bundle, to make; it must not be there yet. Otherwise standard output, and "
             "a new "
             "name for a bundle"),
    {0},
};
static const struct operand_spec operands[] = {
    {"FORMAT", offsetof(struct arguments, format), false, formats, COMPLETE_NOTHING,
     "csv or json: all migrations; bundle: all that is kept of one"},
    {"TENANT", offsetof(struct arguments, what), true, NULL, COMPLETE_TENANT,
     "a tenant or a migration; a bundle needs it"},
    {0},
};

/* The aliases of the configuration in the form of the screens. */
static bool alias_names(const struct cli *cli, struct tenant_alias **ret_aliases, struct tmv_error *err)
{
    struct tenant_alias *aliases = calloc(cli->config.alias_count + 1, sizeof *aliases);

    if (!aliases)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < cli->config.alias_count; i++)
        aliases[i] = (struct tenant_alias){cli->config.aliases[i].tenant, cli->config.aliases[i].name};
    *ret_aliases = aliases;
    return true;
}

static bool export_list(const struct arguments *a, const struct tmv_snapshot *snapshot,
                        const struct tenant_names *names, struct tmv_error *err)
{
    char why[EXPORT_PATH_MAX + 100];
    struct outfile file;
    FILE *out = stdout;

    if (a->output && !export_open(&file, a->output, why, sizeof why))
        return err_set(err, TMV_ERR_IO, "%s", why);
    out = a->output ? file.stream : out;
    if (strcmp(a->format, "csv") == 0)
        export_fleet_csv(snapshot, names, out);
    else
        export_fleet_json(snapshot, names, out);
    return !a->output || export_close(&file, a->output, why, sizeof why) ||
           err_set(err, TMV_ERR_IO, "%s", why);
}

static bool export_one(struct cli *cli, const struct arguments *a, const struct tmv_migration *m,
                       const struct tenant_names *names, struct tmv_error *err)
{
    char path[EXPORT_PATH_MAX], why[EXPORT_PATH_MAX + 100], name[TENANT_NAME_MAX];
    AUTO(record) struct tmv_record *record = NULL;
    bool ok;

    if (a->output)
        text_copy(path, sizeof path, a->output);
    else
        export_path(tenant_typed(names, &m->tenant, name), clock_wall_us(), "", path);
    if (!tmv_record_read(cli->control, &m->id, &record, err))
        return false;
    ok = export_bundle(path, m, record, names, why, sizeof why) || err_set(err, TMV_ERR_IO, "%s", why);
    if (ok && cli->json)
        cJSON_AddStringToObject(cli_document(cli), "written", path);
    else if (ok)
        printf("%s\n", path);
    return ok;
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    bool bundle = strcmp(a->format, "bundle") == 0;
    struct tmv_control *control;
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    const struct tmv_migration *migration = NULL;
    AUTO_FREE struct tenant_alias *aliases = NULL;

    if (bundle == !a->what) {
        err_set(err, TMV_ERR_USAGE,
                bundle ? "a bundle is of one migration: name a tenant"
                       : "csv and json are of all migrations: a tenant goes with bundle");
        return err_hint(err, "tenantmv export bundle TENANT");
    }
    if (!cli_control(cli, &control, err) || !alias_names(cli, &aliases, err))
        return false;
    const struct tenant_names names = {aliases, cli->config.alias_count};
    if (bundle)
        return resolve_migration(cli, a->what, &snapshot, &migration, err) &&
               export_one(cli, a, migration, &names, err);
    return tmv_snapshot_read(control, NULL, 10000, &snapshot, err) && export_list(a, snapshot, &names, err);
}

const struct command command_export = {
    .name = "export",
    .summary = "write data as CSV or JSON, or all about a migration as a folder",
    .description =
        "csv and json write all migrations with every figure. bundle makes a folder for a post-mortem of one "
        "migration: README.md (what happened, timings, gates, who did what), migration.json with everything, "
        "and a "
        "CSV file for each of events, commands, attempts, samples, verifications and gates. In CSV no text "
        "begins "
        "as a formula. A file that is there is never overwritten.",
    .options = options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .examples = "  tenantmv export csv > fleet.csv\n"
                "  tenantmv export bundle acme -o acme-post-mortem\n",
    .access = ACCESS_READ,
    .run = run,
};

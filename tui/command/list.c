/* tenantmv list */
#include "cli/owned.h"
#include "command/report.h"
#include "command/table.h"

struct arguments {
    bool active;
    int64_t limit;
};
static const struct arguments defaults = {.limit = 100};
static const struct option_spec options[] = {
    OPT_FLAG("active", 'a', offsetof(struct arguments, active), "only migrations that have not ended"),
    OPT_INTEGER("limit", 'n', offsetof(struct arguments, limit), "N", 1, 10000,
                "at most this many, the active ones first, then the newest; 100 otherwise"),
    {0},
};

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    struct tmv_control *control;
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;

    if (!cli_control(cli, &control, err) || !tmv_snapshot_read(control, NULL, (int)a->limit, &snapshot, err))
        return false;
    if (cli->json)
        cJSON_AddItemToObject(cli_document(cli), "migrations", report_list_json(cli, snapshot, a->active));
    else
        report_list(cli, snapshot, a->active);
    return true;
}

const struct command command_list = {
    .name = "list",
    .summary = "list migrations",
    .options = options,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .access = ACCESS_READ,
    .run = run,
};

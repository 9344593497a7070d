/* tenantmv status */
#include <stdio.h>
#include <string.h>

#include "cli/owned.h"
#include "cli/progress.h"
#include "cli/resolve.h"
#include "command/report.h"
#include "command/table.h"
#include "lib/clock.h"
#include "view/attempt.h"

struct arguments {
    const char *what;
    bool watch;
    int64_t interval_us;
};
static const struct arguments defaults = {.interval_us = 1000000};
static const struct option_spec options[] = {
    OPT_FLAG("watch", 'w', offsetof(struct arguments, watch),
             "show it again at every change, until Ctrl-C or, for one migration, until it ends"),
    OPT_DURATION("interval", 0, offsetof(struct arguments, interval_us), "TIME", 100000, 3600000000,
                 "with --watch: at the latest after this time; 1s otherwise"),
    {0},
};
static const struct operand_spec operands[] = {
    {"TENANT", offsetof(struct arguments, what), true, NULL, COMPLETE_TENANT,
     "a tenant or a migration; without it all active migrations"},
    {0},
};

static void show_one(struct cli *cli, const struct arguments *a, const struct tmv_snapshot *snapshot,
                     const struct tmv_migration *m)
{
    const struct tmv_attempt *attempt = attempt_latest(snapshot, &m->id);

    if (!cli->json) {
        report_migration(cli, snapshot, m);
        if (a->watch)
            putchar('\n');
        return;
    }
    cJSON *document = a->watch ? cJSON_CreateObject() : cli_document(cli);
    cJSON_AddItemToObject(document, "migration", report_migration_json(cli, m));
    if (attempt)
        cJSON_AddItemToObject(document, "last_attempt", report_attempt_json(attempt));
    if (a->watch)
        cli_stream(cli, document);
}

static void show_all(struct cli *cli, const struct arguments *a, const struct tmv_snapshot *snapshot)
{
    if (!cli->json) {
        report_list(cli, snapshot, true);
        if (a->watch)
            putchar('\n');
        return;
    }
    cJSON *document = a->watch ? cJSON_CreateObject() : cli_document(cli);
    json_time(document, "taken_at", snapshot->taken_at_us);
    cJSON_AddItemToObject(document, "migrations", report_list_json(cli, snapshot, true));
    if (a->watch)
        cli_stream(cli, document);
}

/* Shows it once; *ret_ended: the one migration has ended, so that nothing more will happen. */
static bool show(struct cli *cli, const struct arguments *a, bool *ret_ended, struct tmv_error *err)
{
    struct tmv_control *control;
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    const struct tmv_migration *migration = NULL;

    *ret_ended = false;
    if (a->what) {
        if (!resolve_migration(cli, a->what, &snapshot, &migration, err))
            return false;
        show_one(cli, a, snapshot, migration);
        *ret_ended = tmv_phase_is_terminal(migration->phase);
    } else {
        if (!cli_control(cli, &control, err) || !tmv_snapshot_read(control, NULL, 1000, &snapshot, err))
            return false;
        show_all(cli, a, snapshot);
    }
    fflush(stdout);
    return true;
}

static bool show_until_the_end(struct cli *cli, const struct arguments *a, struct tmv_error *err)
{
    bool ended = false;

    if (a->watch)
        cli_catch_interrupts();
    for (;;) {
        if (!show(cli, a, &ended, err))
            return false;
        if (!a->watch || ended || ferror(stdout))
            return true;
        int64_t until = clock_now_us() + a->interval_us;
        while (clock_now_us() < until && !cli_interrupted())
            if (!tmv_control_wait_change(cli->control, 200000, err))
                return false;
        if (cli_interrupted())
            return true;
    }
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    return show_until_the_end(cli, arguments, err);
}

bool status_show_all(struct cli *cli, bool watch, struct tmv_error *err)
{
    struct arguments a = defaults;

    a.watch = watch;
    return show_until_the_end(cli, &a, err);
}

const struct command command_status = {
    .name = "status",
    .summary = "show how far a migration is, or all active ones",
    .description =
        "Shows one migration with its phase, progress, lag, the gates of its cutover, its last cutover and "
        "its "
        "engine; or a table of all active migrations. With --watch and --json it prints one JSON object a "
        "line.",
    .options = options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .examples = "  tenantmv status acme --watch\n"
                "  tenantmv status --json | jq '.migrations[].state'\n",
    .access = ACCESS_READ,
    .run = run,
};

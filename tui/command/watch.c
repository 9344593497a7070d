/* tenantmv watch: the console without any way to change something. */
#include "cli/owned.h"
#include "command/report.h"
#include "command/screen.h"
#include "command/table.h"
#include "lib/err.h"
#include "view/health.h"

struct arguments {
    struct screen_arguments screen;
    const char *only;
    bool no_keys, big;
    int64_t page_us;
};
static const char *const only_choices[] = {"problems", NULL};

static const struct option_spec options[] = {
    SCREEN_OPTIONS(struct arguments),
    OPT_FLAG("once", 0, offsetof(struct arguments, screen.once),
             "one picture as plain lines, then end: 0 all is well, 1 warnings, 2 something failed or stuck, "
             "4 no contact"),
    OPT_CHOICE("only", 0, offsetof(struct arguments, only), "WHAT", only_choices,
               "only migrations that are not well"),
    OPT_FLAG("no-keys", 0, offsetof(struct arguments, no_keys),
             "a display on a wall: no key but Ctrl-C is heard"),
    OPT_DURATION("page", 0, offsetof(struct arguments, page_us), "TIME", 1000000, INT64_C(3600000000),
                 "show the next page of a long list every so often"),
    OPT_FLAG("big", 0, offsetof(struct arguments, big), "a few large figures, to be read from across a room"),
    {0},
};

/* One JSON object and the same exit codes as lines. */
static bool once_as_json(struct cli *cli, bool only_problems, struct tmv_error *err)
{
    static const char *const words[] = {"well", "warning", "failed"};
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    struct tmv_control *control;
    cJSON *problems;

    if (!cli_control(cli, &control, err) || !tmv_snapshot_read(control, NULL, 10000, &snapshot, err))
        return false;
    cli->exit_code = (int)fleet_health(snapshot);
    json_text(cli_document(cli), "health", words[cli->exit_code]);
    problems = cJSON_AddArrayToObject(cli_document(cli), "problems");
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        const char *why;
        enum health health = migration_health(snapshot, &snapshot->migrations[i], &why);
        if (health == HEALTH_WELL)
            continue;
        cJSON *object =
            only_problems ? report_migration_json(cli, &snapshot->migrations[i]) : cJSON_CreateObject();
        if (!only_problems)
            json_id(object, "id", &snapshot->migrations[i].id);
        json_text(object, "health", words[health]);
        json_text(object, "why", why);
        cJSON_AddItemToArray(problems, object);
    }
    if (!only_problems)
        cJSON_AddItemToObject(cli_document(cli), "migrations", report_list_json(cli, snapshot, false));
    return true;
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    struct console_options screen;

    if (cli->json && a->screen.once)
        return once_as_json(cli, a->only, err);
    if (cli->json && a->only)
        return err_set(err, TMV_ERR_USAGE, "--only with --json needs --once: the stream tells every change");
    if (cli->json)
        return status_show_all(cli, true, err);
    if (!screen_options(cli, &a->screen, &screen, err))
        return false;
    screen.read_only = true;
    screen.only_problems = a->only;
    screen.no_keys = a->no_keys;
    screen.big = a->big;
    screen.page_us = a->page_us;
    cli->exit_code = console_run(&screen, NULL);
    screen_release(&screen);
    return true;
}

const struct command command_watch = {
    .name = "watch",
    .summary = "watch all migrations; nothing can be changed from here",
    .description =
        "The console in read-only mode: there is no key that acts, and every transaction is read only in the "
        "database too. It connects to the control database only: what it shows of the stores is what engines "
        "recorded there. Without a terminal, or with --plain, it prints a line for each change, and with "
        "--json an object.\n\n"
        "With --once it is a monitoring check. Exit code 2 means of some migration: failed, no engine owns "
        "it, "
        "the copy does not move (no event in 30 s). 1 means: paused, throttled, met an error, its engine is "
        "retrying, its engine is not reporting (in dual write), its program has been silent for over 15 "
        "minutes (another program runs it), its mirror is over a minute behind, its last cutover was rolled "
        "back, its old store is not kept current, the time to keep its old store current is over. 4 means: "
        "the control database does not answer.",
    .options = options,
    .arguments_size = sizeof(struct arguments),
    .examples = "  tenantmv watch\n"
                "  tenantmv watch --once || echo look\n"
                "  tenantmv watch --big --no-keys --only problems\n",
    .access = ACCESS_READ,
    .run = run,
};

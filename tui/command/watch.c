/* tenantmv watch: the console without any way to change something. */
#include "command/report.h"
#include "command/screen.h"
#include "command/table.h"

struct arguments {
    struct screen_arguments screen;
};
static const struct option_spec options[] = {
    SCREEN_OPTIONS(struct arguments),
    OPT_FLAG(
        "once", 0, offsetof(struct arguments, screen.once),
        "one picture as plain lines, then end: 0 all is well, 1 warnings, 2 something failed, 4 no contact"),
    {0},
};

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    struct console_options screen;

    if (cli->json)
        return status_show_all(cli, !a->screen.once, err);
    if (!screen_options(cli, &a->screen, &screen, err))
        return false;
    screen.read_only = true;
    cli->exit_code = console_run(&screen, NULL);
    screen_release(&screen);
    return true;
}

const struct command command_watch = {
    .name = "watch",
    .summary = "watch all migrations; nothing can be changed from here",
    .description =
        "The console in read-only mode: there is no key that acts, and every transaction is read only in the "
        "database too. Without a terminal, or with --plain, it prints a line for each change, "
        "and with --json an object.",
    .options = options,
    .arguments_size = sizeof(struct arguments),
    .examples = "  tenantmv watch\n"
                "  tenantmv watch --once || echo look\n",
    .access = ACCESS_READ,
    .run = run,
};

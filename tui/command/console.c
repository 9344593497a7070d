/* tenantmv console: the screen with an engine in the same process. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/failure.h"
#include "command/screen.h"
#include "command/table.h"
#include "tenantmv/engine.h"

struct arguments {
    struct screen_arguments screen;
    bool no_engine, read_only;
};
static const struct option_spec options[] = {
    SCREEN_OPTIONS(struct arguments),
    OPT_FLAG("no-engine", 0, offsetof(struct arguments, no_engine),
             "no engine in this process: a `tenantmv worker` somewhere else does the work"),
    OPT_FLAG("read-only", 0, offsetof(struct arguments, read_only), "the same as `tenantmv watch`"),
    {0},
};

/* The engine's threads must not receive the signals that the screen's thread handles. */
static bool start_engine(const struct cli *cli, const char *conninfo, struct tmv_engine **ret_engine,
                         struct tmv_error *err)
{
    char host[100] = "";
    char name[400];
    sigset_t all, before;

    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "console %s@%s", cli->config.operator_name, *host ? host : "?");
    const struct tmv_engine_options engine_options = {
        .control_conninfo = conninfo,
        .name = name,
        .max_migrations = (int)cli->config.max_migrations,
        .webhook_url = cli->config.webhook,
    };
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool ok = tmv_engine_start(&engine_options, ret_engine, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    struct console_options screen;
    struct tmv_engine *engine = NULL;

    if (cli->json) {
        failure(err, TMV_ERR_USAGE, "a screen has no JSON");
        return failure_hint(err, "`tenantmv status --watch --json` prints every change as JSON");
    }
    if (!screen_options(cli, &a->screen, &screen, err))
        return false;
    signal(SIGPIPE, SIG_IGN);
    screen.read_only = a->read_only;
    if (!a->read_only && !a->no_engine) {
        if (!start_engine(cli, screen.control_conninfo, &engine, err)) {
            screen_release(&screen);
            return false;
        }
        screen.engine_note = "engine here";
    }
    cli->exit_code = console_run(&screen);
    tmv_engine_stop(engine);
    screen_release(&screen);
    return true;
}

const struct command command_console = {
    .name = "console",
    .summary = "open the console, with an engine in the same process (the default)",
    .description = "Shows all migrations live, with keys for pause, resume, abort and cutover; an engine in "
                   "the same process "
                   "carries them out. The console may end at any moment: migrations stop at a safe point, "
                   "and go on when an "
                   "engine runs again.",
    .options = options,
    .arguments_size = sizeof(struct arguments),
    .examples = "  tenantmv\n"
                "  tenantmv console --no-engine --ascii\n",
    .access = ACCESS_WRITE,
    .run = run,
};

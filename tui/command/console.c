/* tenantmv console: the screen with an engine in the same process. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/owned.h"
#include "command/ask.h"
#include "command/screen.h"
#include "command/table.h"
#include "lib/err.h"
#include "tenantmv/engine.h"
#include "tenantmv/stores.h"

/* How long to look for the engine that takes over: one that is there does it within seconds. */
#define HAND_OVER_TURNS 12
#define HAND_OVER_TURN_US INT64_C(500000)

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

/* What the screen starts as soon as it may. */
struct embedded {
    const struct cli *cli;
    const char *conninfo;
    struct tmv_engine *engine;
    struct tmv_store_watch *stores; /* without an engine */
};

#define NAME_SIZE 400

/* As others see it: "console amy@bastion2". Returns `name`. */
static const char *name_of(const struct embedded *embedded, char name[NAME_SIZE])
{
    char host[100] = "";

    gethostname(host, sizeof host - 1);
    snprintf(name, NAME_SIZE, "console %s@%s", embedded->cli->config.operator_name, *host ? host : "?");
    return name;
}

/* Threads that are started now do not receive the signals that the screen's thread handles. */
static void block_signals(sigset_t *ret_before)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, ret_before);
}

static struct tmv_store_watch *start_stores(void *user, struct tmv_error *err)
{
    struct embedded *embedded = user;
    char name[NAME_SIZE];
    sigset_t before;

    block_signals(&before);
    bool ok = tmv_store_watch_start(embedded->conninfo, name_of(embedded, name), &embedded->stores, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok ? embedded->stores : NULL;
}

static struct tmv_engine *start_engine(void *user, struct tmv_error *err)
{
    struct embedded *embedded = user;
    const struct config *config = &embedded->cli->config;
    char name[NAME_SIZE];
    sigset_t before;

    name_of(embedded, name);
    const struct tmv_engine_options engine_options = {
        .control_conninfo = embedded->conninfo,
        .name = name,
        .max_migrations = (int)config->max_migrations,
        .webhook_url = config->webhook,
    };
    block_signals(&before);
    bool ok = tmv_engine_start(&engine_options, &embedded->engine, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok ? embedded->engine : NULL;
}

/* Migrations of the picture that another engine runs now, and those that none does. */
static void count_owners(const struct tmv_snapshot *snapshot, int *ret_taken, int *ret_waiting,
                         const char **ret_owner)
{
    *ret_taken = *ret_waiting = 0;
    *ret_owner = "";
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        const struct tmv_migration *m = &snapshot->migrations[i];
        if (tmv_phase_is_terminal(m->phase))
            continue;
        if (engine_is_alive(m)) {
            *ret_owner = m->owner;
            ++*ret_taken;
        } else {
            ++*ret_waiting;
        }
    }
}

/* Says who went on with the migrations; waits a moment for the others to take them over. */
static void tell_successors(struct cli *cli, const char *conninfo)
{
    struct tmv_control *control = NULL;
    struct tmv_error err = {0};
    const char *owner = "";
    int taken = 0, waiting = 1;

    cli_note(cli, "the migrations were given back; looking for the engine that continues …");
    if (!tmv_control_open_read_only(conninfo, &control, &err)) {
        cli_note(cli, "it cannot be seen: %s", err.message);
        return;
    }
    for (int turn = 0; turn < HAND_OVER_TURNS && waiting > 0 && !cli_interrupted(); turn++) {
        AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
        if (!tmv_control_wait_change(control, turn > 0 ? HAND_OVER_TURN_US : 0, &err) ||
            !tmv_snapshot_read(control, NULL, 1000, &snapshot, &err))
            break;
        count_owners(snapshot, &taken, &waiting, &owner);
        if (waiting == 0)
            cli_note(cli, "%d migration%s: %s continues", taken, taken == 1 ? "" : "s", owner);
    }
    if (waiting > 0)
        cli_note(cli,
                 "%d migration%s wait%s for an engine, nothing is lost: start one with `tenantmv worker`",
                 waiting, waiting == 1 ? "" : "s", waiting == 1 ? "s" : "");
    tmv_control_close(control);
}

/* What the person chose when the screen closed. */
static void leave_engine(struct cli *cli, const char *conninfo, struct tmv_engine *engine, enum leave leave)
{
    cli_catch_interrupts();
    if (leave == LEAVE_KEEP) {
        cli_note(cli,
                 "the engine continues here without a screen; Ctrl-C or SIGTERM stops it at a safe point");
        while (!cli_interrupted())
            poll(NULL, 0, 1000);
    }
    tmv_engine_stop(engine);
    if (leave == LEAVE_HAND_OVER)
        tell_successors(cli, conninfo);
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    struct console_options screen;
    struct embedded embedded = {.cli = cli};
    enum leave leave;

    if (cli->json) {
        err_set(err, TMV_ERR_USAGE, "a screen has no JSON");
        return err_hint(err, "`tenantmv status --watch --json` prints every change as JSON");
    }
    if (!screen_options(cli, &a->screen, &screen, err))
        return false;
    signal(SIGPIPE, SIG_IGN);
    screen.read_only = a->read_only;
    embedded.conninfo = screen.control_conninfo;
    screen.engine_user = &embedded;
    if (!a->read_only && !screen.once && a->no_engine)
        screen.stores_start = start_stores;
    else if (!a->read_only && !screen.once)
        screen.engine_start = start_engine;
    cli->exit_code = console_run(&screen, &leave);
    tmv_store_watch_stop(embedded.stores);
    if (embedded.engine)
        leave_engine(cli, screen.control_conninfo, embedded.engine, leave);
    screen_release(&screen);
    return true;
}

const struct command command_console = {
    .name = "console",
    .summary = "open the console, with an engine in the same process (the default)",
    .description = "Shows all migrations live, with keys for pause, resume, abort and cutover; an engine in "
                   "the same process "
                   "carries them out. The console may end at any moment: migrations stop at a safe point, "
                   "and continue when an "
                   "engine runs again.",
    .options = options,
    .arguments_size = sizeof(struct arguments),
    .examples = "  tenantmv\n"
                "  tenantmv console --no-engine --ascii\n",
    .access = ACCESS_WRITE,
    .run = run,
};

/* tenantmv demo: private servers, live writers, and the console or a whole headless life. */
#include "command/table.h"
#include "demo/demo.h"
#include "lib/err.h"

#define UNSET (-1)

struct arguments {
    bool headless;
    int64_t events, tenants, writers, rate, cutovers;
    const char *keep;
};
static const struct arguments defaults = {
    .events = UNSET, .tenants = UNSET, .writers = UNSET, .rate = UNSET, .cutovers = UNSET};
static const struct option_spec options[] = {
    OPT_FLAG("headless", 0, offsetof(struct arguments, headless),
             "no console: move tenants one after the other, then check every event"),
    OPT_INTEGER("events", 0, offsetof(struct arguments, events), "N", 0, DEMO_EVENTS_MAX,
                "history in the shared store before anything moves; 150000, or 100000 headless"),
    OPT_INTEGER("tenants", 0, offsetof(struct arguments, tenants), "N", 1, DEMO_TENANTS_MAX,
                "tenants, of very different sizes; 8, or 5 headless"),
    OPT_INTEGER("writers", 0, offsetof(struct arguments, writers), "N", 0, DEMO_WRITERS_MAX,
                "threads that append through the router; 8"),
    OPT_INTEGER("rate", 0, offsetof(struct arguments, rate), "N", 0, 1000000,
                "writes per second over all writers; 0: each as fast as it can; 400, or 1000 headless"),
    OPT_INTEGER("cutovers", 0, offsetof(struct arguments, cutovers), "N", 0, DEMO_TENANTS_MAX,
                "headless: how many tenants to move; all otherwise"),
    OPT_TEXT("keep", 0, offsetof(struct arguments, keep), "DIR", 200, COMPLETE_FILE,
             "work in DIR, which is made or empty, and leave the databases there"),
    {0},
};

static int64_t chosen(int64_t value, int64_t otherwise)
{
    return value == UNSET ? otherwise : value;
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    struct demo_options o;
    bool clean;

    demo_options_default(a->headless, &o);
    if (!a->headless && cli->json) {
        err_set(err, TMV_ERR_USAGE, "--json needs --headless: the console has nothing to print");
        return err_hint(err, "tenantmv demo --headless --json");
    }
    o.json = cli->json;
    o.keep = a->keep;
    o.events = chosen(a->events, o.events);
    o.tenants = (int)chosen(a->tenants, o.tenants);
    o.writers = (int)chosen(a->writers, o.writers);
    o.rate = chosen(a->rate, o.rate);
    o.cutovers = a->headless ? (int)chosen(a->cutovers, o.tenants) : 0;
    if (!demo_run(&o, cli->json ? cli_document(cli) : NULL, &clean, err))
        return false;
    if (clean)
        return true;
    err_set(err, TMV_ERR_DIVERGED, "the demo did not end as it should; its report says why");
    return err_hint(err, "Run it again with --keep DIR and look at DIR/shared/log and DIR/dedicated/log.");
}

const struct command command_demo = {
    .name = "demo",
    .summary = "try everything on private databases with live writers",
    .description =
        "Starts two private PostgreSQL servers in a temporary directory (unix sockets only), fills a shared "
        "store with "
        "the histories of several tenants, and starts writers that append through the router. Then it opens "
        "the console "
        "on it, with an engine and three migrations under way. The line under its header says where the "
        "control database is, "
        "for `tenantmv start --control …` from another terminal. Leaving the console ends the servers and "
        "removes the "
        "directory. As root, the servers run as the user postgres, or else as the user nobody.\n\n"
        "With --headless it moves tenants one after the other into a dedicated database each, while the "
        "writers write "
        "(seven of eight writes go to the tenant that moves), and then compares every write that was "
        "acknowledged with "
        "what the stores hold. Beside the longest time that a tenant's writers had to wait around its "
        "cutover it "
        "tells the longest right before it, which is the machine's own. "
        "Exit code 0 only if nothing was lost, duplicated, reordered or failed.",
    .options = options,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .examples = "  tenantmv demo\n"
                "  tenantmv demo --headless --events 1000000 --tenants 20 --rate 1000 --json\n",
    .run = run,
};

#include "demo/interactive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "console/console.h"
#include "demo/live.h"
#include "lib/cleanup.h"
#include "lib/err.h"

#define STARTED 3           /* migrations that run when the console opens */
#define SLOW_COPY_RATE 2500 /* events/s of the first one, so that a copy can be watched */

static bool start_some(const struct stage *stage, struct tmv_error *err)
{
    struct tmv_control *control = NULL;
    struct tmv_actor actor = live_actor();
    bool ok = tmv_control_open(stage->control, &control, err);

    for (size_t i = 0; ok && i < STARTED && i < stage->tenant_count; i++) {
        struct tmv_start_options start = {.tenant = stage->tenants[i].id, .target = stage->tenants[i].store};
        struct tmv_uuid migration;

        tmv_settings_default(&start.settings);
        start.settings.max_bulk_copy_rate = i == 0 ? SLOW_COPY_RATE : 0;
        ok = tmv_start(control, &start, &actor, &migration, err);
    }
    tmv_control_close(control);
    return ok;
}

/* What the line under the console's header tells of. */
struct banner {
    struct workload *workload;
    const char *place; /* of the workspace, for `tenantmv start --control …` in another terminal */
};

static void describe_writers(void *user, char *text, size_t size)
{
    const struct banner *banner = user;
    struct workload_totals totals;

    workload_get_totals(banner->workload, &totals);
    snprintf(text, size,
             "demo writers: %" PRId64 ", failed %" PRId64 "   control: host=%s/%s user=%s dbname=%s",
             totals.acknowledged, totals.failed + totals.unknown, banner->place, STAGE_SHARED,
             CLUSTER_SUPERUSER, STAGE_SHARED);
}

static void show_console(const struct stage *stage, struct live *live, const struct tenant_alias *aliases)
{
    const char *user = getenv("USER");
    struct banner banner = {live->workload, workspace_path(stage->workspace)};
    struct console_options console = {.control_conninfo = stage->control,
                                      .environment = "demo",
                                      .environment_kind = "demo",
                                      .who = user && user[0] ? user : "demo",
                                      .engine_note = "engine here",
                                      .names = {aliases, stage->tenant_count},
                                      .note = describe_writers,
                                      .note_user = &banner};

    console_run(&console, NULL); /* a signal or a lost terminal ends it as q does: nothing is worth keeping */
}

bool interactive_run(const struct stage *stage, const struct demo_options *options, struct tmv_error *err)
{
    AUTO_FREE struct tenant_alias *aliases = calloc(stage->tenant_count, sizeof *aliases);
    struct live live = {0};
    bool ok;

    if (!aliases)
        return err_set(err, TMV_ERR_NOMEM, "no memory for the tenants' names");
    for (size_t i = 0; i < stage->tenant_count; i++)
        aliases[i] = (struct tenant_alias){stage->tenants[i].id, stage->tenants[i].name};
    ok = live_start(stage, options, &live, err) && start_some(stage, err);
    if (ok)
        show_console(stage, &live, aliases);
    live_stop(&live);
    return ok;
}

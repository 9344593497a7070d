#include "demo/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tmv_actor live_actor(void)
{
    struct tmv_actor actor = {.name = "demo"};

    snprintf(actor.from, sizeof actor.from, "demo pid %d", (int)getpid());
    return actor;
}

static bool start_writers(const struct stage *stage, const struct demo_options *options, struct live *live,
                          struct tmv_error *err)
{
    struct tmv_uuid tenants[DEMO_TENANTS_MAX];
    struct workload_options w = {.router = live->router,
                                 .journal = live->journal,
                                 .tenants = tenants,
                                 .tenant_count = stage->tenant_count,
                                 .writers = options->writers,
                                 .rate = options->rate};

    for (size_t i = 0; i < stage->tenant_count; i++)
        tenants[i] = stage->tenants[i].id;
    return workload_start(&w, &live->workload, err);
}

bool live_start(const struct stage *stage, const struct demo_options *options, struct live *live,
                struct tmv_error *err)
{
    struct tmv_router_options router = {.control_conninfo = stage->control,
                                        .connections_per_store = options->writers > 0 ? options->writers : 1};
    struct tmv_engine_options engine = {.control_conninfo = stage->control, .name = "demo"};

    memset(live, 0, sizeof *live);
    return journal_open(stage->journal, stage->tenant_count, &live->journal, err) &&
           tmv_router_open(&router, &live->router, err) && start_writers(stage, options, live, err) &&
           tmv_engine_start(&engine, &live->engine, err);
}

void live_stop_writers(struct live *live, struct workload_totals *ret_totals)
{
    if (live->workload)
        workload_stop(live->workload, ret_totals);
    live->workload = NULL;
}

void live_stop(struct live *live)
{
    live_stop_writers(live, NULL);
    tmv_engine_stop(live->engine);
    tmv_router_close(live->router);
    journal_close(live->journal);
    memset(live, 0, sizeof *live);
}

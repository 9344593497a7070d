/* What runs in the demo besides the servers: the router, the writers, an engine. */
#pragma once

#include "demo/stage.h"
#include "demo/workload.h"
#include "tenantmv/engine.h"

struct live {
    struct journal *journal;   /* owned */
    struct tmv_router *router; /* owned */
    struct workload *workload; /* owned; NULL once the writers were stopped */
    struct tmv_engine *engine; /* owned */
};

/* Starts all of it; the caller ends it with live_stop, also after an error. */
TMV_NODISCARD bool live_start(const struct stage *stage, const struct demo_options *options,
                              struct live *ret_live, struct tmv_error *err);
/* Ends the writers and tells what became of their writes. */
void live_stop_writers(struct live *live, struct workload_totals *ret_totals);
/* Ends what still runs. Blocks up to about 20 s. */
void live_stop(struct live *live);
/* Who the demo acts as. */
struct tmv_actor live_actor(void);

/* Looks after migrations that are over, without owning them. Whether both servers still remember the
 * decision: a primary that fails over to an asynchronous replica can forget a commit that it had confirmed
 * (design §9, Failover); a migration whose servers have forgotten something gets a verify command, and its
 * coordinator mends it (resolve.h). And that tenants at rest keep no triggers of their own (guard_retire):
 * tried once a second at first, from three seconds after the end of the move, then every five seconds.
 */
#pragma once

#include <pthread.h>

#include "lib/stop.h"
#include "tenantmv/control.h"

struct decision_watch {
    char control_conninfo[TMV_CONNINFO_MAX];
    const struct stop *stop; /* borrowed: raised when the engine stops */
    pthread_t thread;
    bool running;
};

/* Starts the watch in a thread of its own; false when there is none. */
TMV_NODISCARD bool decision_watch_start(struct decision_watch *w, const char *control_conninfo,
                                        const struct stop *stop, struct tmv_error *err);
/* Waits for its end; the stop flag is raised already. */
void decision_watch_join(struct decision_watch *w);

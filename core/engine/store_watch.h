/* Looks at every registered store and writes what it saw into the control database, where consoles and
 * `watch` read it: they connect to no store. Each look is a thread of its own, so a server that never answers
 * delays no other; while it does not answer, that is what is written.
 *
 * O1 A store is looked at every two seconds by some engine: one skips a store that another engine has just
 * measured, but not for longer than 30 s, and not while its own last look failed, because each engine has its
 * own way to a store. O2 What is written has the time at which it was true, and the entry of the registry
 * that led there. O3 Nothing here decides anything.
 */
#pragma once

#include <pthread.h>

#include "control/repositories.h"
#include "lib/stop.h"

struct store_watch {
    char control_conninfo[TMV_CONNINFO_MAX];
    char engine_name[TMV_NAME_MAX];
    struct tmv_uuid engine;
    const struct stop *stop; /* borrowed: raised when the engine stops */
    pthread_t thread;
    bool running;
};

/* Starts it for an engine, in a thread of its own; false when there is none. */
TMV_NODISCARD bool store_watch_start(struct store_watch *o, const char *control_conninfo,
                                     const struct engine_identity *engine, const struct stop *stop,
                                     struct tmv_error *err);
/* Waits for its end; the stop flag is raised already. Blocks for as long as a name is being resolved. */
void store_watch_join(struct store_watch *o);

/* ---- the decision, for tests ---- */

#define OBSERVE_US (2 * US_PER_S)         /* between the beginnings of two looks at a store */
#define OBSERVE_SELDOM_US (30 * US_PER_S) /* while another engine does it */

/* Whether an engine looks at a store now. */
struct look_due {
    int64_t since_us; /* since its last look began; INT64_MAX: there was none */
    bool failed;      /* that look failed */
    int64_t other_us; /* since another engine measured the store; INT64_MAX: none did */
};
bool look_is_due(const struct look_due *due);

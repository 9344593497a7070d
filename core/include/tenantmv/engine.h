/* The migration engine: one thread that owns leases and reads commands, and one thread per running migration.
 *
 * It keeps no state that matters in memory: what it does is recorded in the databases, so the process may be
 * killed at any moment. Start and stop an engine from one thread; everything else goes through the control
 * database.
 */
#pragma once

#include "tenantmv/control.h"

struct tmv_engine;

struct tmv_engine_options {
    const char *control_conninfo; /* borrowed for the call */
    const char *name;   /* shown as owner: "console amy@bastion2", "worker host"; borrowed for the call */
    int max_migrations; /* runs at most so many at the same time, up to 64; 0: 8 */
    const char *webhook_url; /* told of every move as JSON by POST; NULL: none; borrowed for the call */
};

/* Starts the engine's threads. Does not wait for the control database: one that cannot be reached, or a role
 * that lacks rights there, is tried again until the engine is stopped (see tmv_engine_status). The caller
 * owns *ret_engine and ends it with tmv_engine_stop. Errors: USAGE (the webhook's address is not an http or
 * https URL), NOMEM, IO (no thread, no descriptor); nothing runs then. */
TMV_API TMV_NODISCARD bool tmv_engine_start(const struct tmv_engine_options *options,
                                            struct tmv_engine **ret_engine, struct tmv_error *err);
/* Stops at the next safe point of each migration, gives the leases back so that another engine can take over
 * immediately, and frees the engine. NULL is fine. Every wait of the engine ends when this is called, so it
 * usually takes less than a second; a control database that does not answer, a name that is not resolved, or
 * messages that wait for a webhook (2 s) make it longer. A lease that could not be given back runs out.
 * Cannot fail. */
TMV_API void tmv_engine_stop(struct tmv_engine *engine);

struct tmv_engine_status {
    bool connected;       /* the control database answers */
    int running;          /* migrations this engine runs now */
    char last_error[400]; /* why not, one line; "" none */
};
/* What the engine does now. Any thread while the engine is not being stopped; does not block. Cannot fail. */
TMV_API void tmv_engine_get_status(struct tmv_engine *engine, struct tmv_engine_status *ret_status);

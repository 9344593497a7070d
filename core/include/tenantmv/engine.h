/* The migration engine: one thread that owns leases and reads commands, and one thread per running migration.
 *
 * It keeps no state that matters in memory: what it does stands in the databases, so it may be killed at any
 * moment. Start and stop it from one thread; everything else goes through the control database.
 */
#pragma once

#include "tenantmv/control.h"

struct tmv_engine;

struct tmv_engine_options {
    const char *control_conninfo; /* borrowed for the call */
    const char *name;   /* shown as owner: "console amy@bastion2", "worker host"; borrowed for the call */
    int max_migrations; /* runs at most so many at once; 0: 8 */
    const char *webhook_url; /* told of every move as JSON by POST; NULL: none; borrowed for the call */
};

/* Starts the engine's threads. Returns at once; a control database that cannot be reached is retried for ever
 * (see tmv_engine_status). Errors: NOMEM, IO. */
TMV_API TMV_NODISCARD bool tmv_engine_start(const struct tmv_engine_options *options,
                                            struct tmv_engine **ret_engine, struct tmv_error *err);
/* Stops at the next safe point of each migration, gives the leases back so that another engine can go on at
 * once, and frees it. Blocks up to 10 s. NULL is fine. */
TMV_API void tmv_engine_stop(struct tmv_engine *engine);

struct tmv_engine_status {
    bool connected;       /* the control database answers */
    int running;          /* migrations this engine runs now */
    char last_error[400]; /* of the control connection, "" none */
};
/* Thread-safe, does not block. */
TMV_API void tmv_engine_get_status(struct tmv_engine *engine, struct tmv_engine_status *ret_status);

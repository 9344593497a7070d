/* A script that needs a lock which keeps writers out: it asks for a moment, backs off, and asks again, so
 * that writers never queue behind it for longer than that moment. */
#pragma once

#include "store/shape.h"

/* Runs `script` in a savepoint of the transaction that is open on `conn`, with a lock timeout of 20 ms. Asks
 * again when no writer of shape's events table is older than that, with growing jittered pauses. TIMEOUT
 * after `patience_us`, naming the session in the way; CANCELLED when the connection's stop is raised. The
 * locks last until the caller's transaction ends. */
TMV_NODISCARD bool table_lock_run(struct pgx_conn *conn, const struct store_shape *shape, const char *script,
                                  int64_t patience_us, struct tmv_error *err);

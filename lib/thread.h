/* The one way to start a thread. */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "tenantmv/error.h"

/* Starts run(argument) as a thread called `name` (at most 15 bytes; `top -H` and debuggers show it). The
 * caller joins or detaches it. Signals are the program's business: the new thread blocks all but those of a
 * fault of its own, which a handler must still see. On failure nothing was started, and `err` has the
 * system's reason. */
TMV_NODISCARD bool thread_spawn(pthread_t *ret_thread, const char *name, void *(*run)(void *), void *argument,
                                struct tmv_error *err);

/* Joins it, but waits no longer than to `deadline_us` of clock_now_us (and 5 ms), however the wall clock is
 * set meanwhile; false: it still runs. */
bool thread_join_until(pthread_t thread, int64_t deadline_us);

/* A flag that somebody raises to make bounded waits end early. Every wait polls its descriptor.
 * Raising is safe from any thread and from a signal handler. */
#pragma once

#include "tenantmv/error.h"

struct stop {
    int fd; /* eventfd: readable once raised; -1 when not initialised */
};

bool stop_init(struct stop *s, struct tmv_error *err);
void stop_release(struct stop *s);
void stop_raise(struct stop *s);
void stop_clear(struct stop *s); /* back to "not raised" */
bool stop_is_raised(const struct stop *s);
/* Sleeps up to `us` microseconds; returns false as soon as the flag is raised. `s` may be NULL. */
bool stop_sleep(const struct stop *s, long long us);

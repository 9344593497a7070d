/* A writer that keeps appending to one stream of life's tenant through the router, one event at a time, and
 * counts what it was told. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "tenantmv/router.h"

struct steady_writer {
    pthread_t thread;
    atomic_bool stop;
    struct tmv_router *router;
    atomic_int acknowledged;
    atomic_llong longest_us; /* longest append since somebody last set it to 0 */
    int refused;
    struct tmv_error last;
};

struct steady_writer *steady_writer_start(void);
/* Stops it; fails the test when a write was refused, or none was acknowledged. Free it with free(): after a
 * failed case its thread keeps its own. Returns how many were acknowledged. */
int steady_writer_end(struct steady_writer *writer);
/* Waits until `count` more events were acknowledged, while `holds` (may be NULL) stays true of `pid`. */
void steady_writer_await(struct steady_writer *writer, int count, bool (*holds)(pid_t pid), pid_t pid);

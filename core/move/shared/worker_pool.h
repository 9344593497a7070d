/* A few threads that do one job together while the thread that started them looks on and reports. */
#pragma once

#include "tenantmv/error.h"

#define WORKER_POOL_MAX 16

struct worker_pool_job {
    void *user;
    /* Runs in each thread, once; `member` counts from 0. Ends early when it sees that another failed (see
     * stopping). */
    bool (*work)(void *user, int member, struct tmv_error *err);
    /* Runs in the starting thread, a few times a second; may be NULL. */
    void (*tick)(void *user);
    /* Runs in the starting thread as soon as a member failed, so that the others can be told; may be NULL. */
    void (*failed)(void *user);
};
/* Starts `members` threads (1 … WORKER_POOL_MAX), waits for all, and returns the error of the first that
 * failed. */
TMV_NODISCARD bool worker_pool_run(const struct worker_pool_job *job, int members, struct tmv_error *err);

/* Verification that runs along: a thread of its own with two connections of its own proves the prefix up to
 * the tail's watermark equal (HASH), so that at the cutover only the tail is left. The coordinator's thread
 * starts, feeds and asks it.
 */
#pragma once

#include <pthread.h>

#include "migrate/consistency_verifier.h"

struct verify_worker {
    struct ends ends; /* a copy whose waits end with `stop` */
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct stop stop;
    /* under the lock: */
    int64_t limit;       /* may verify up to here */
    int64_t verified_to; /* proven equal up to here */
    int64_t restarts;    /* grows when it was told to begin again */
    bool held;           /* begins nothing new */
    bool busy;           /* compares a range now */
    bool differs;        /* a difference was found; `report` says which */
    struct tmv_verify_report report;
    struct tmv_error problem; /* code 0: none; it tries again by itself */
};

TMV_NODISCARD bool verify_worker_start(struct verify_worker *w, const struct ends *ends,
                                       struct tmv_error *err);
/* Ends the thread and joins it; waits end early. A worker that was never started is fine. */
void verify_worker_stop(struct verify_worker *w);
/* Everything up to `limit` is on the target. */
void verify_worker_feed(struct verify_worker *w, int64_t limit);
/* A cutover needs the machine for itself: holds the worker, and waits up to `patience_us` for the range that
 * it compares now. */
void verify_worker_hold(struct verify_worker *w, int64_t patience_us);
void verify_worker_go_on(struct verify_worker *w);
/* Begins again from the first event. */
void verify_worker_restart(struct verify_worker *w);

struct verify_progress {
    int64_t verified_to;
    bool differs;
    struct tmv_verify_report report;
    struct tmv_error problem;
};
void verify_worker_look(struct verify_worker *w, struct verify_progress *ret_progress);

/* A thread with a mailbox, that can be left behind: whoever lets go last frees it, so that ending the console
 * never waits for a database. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "tenantmv/error.h"

struct thread {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* by the monotonic clock */
    pthread_t id;
    void *(*run)(void *self);
    int wake_fd; /* own copy of the caller's eventfd */
    int refs;    /* thread and starter */
    bool stop;
    bool ended;
};

/* Starts `run`, called `name`, on `self`, whose first member is `thread`. False: nothing was started. */
TMV_NODISCARD bool thread_start(struct thread *thread, const char *name, int wake_fd,
                                void *(*run)(void *self), struct tmv_error *err);
/* Under the lock: waits for a change or until `deadline_us`. */
void thread_wait(struct thread *thread, int64_t deadline_us);
/* Tells the screen that there is something to take. */
void thread_wake(struct thread *thread);
bool thread_stopping(struct thread *thread);
/* Asks it to stop and waits up to 300 ms. */
void thread_stop(struct thread *thread);
/* Lets go; true: it was the last one, and the caller frees the whole. */
bool thread_release(struct thread *thread);
/* Whether one still runs that was told to stop, after up to 50 ms: then the program must leave without
 * exit(), which takes libraries apart (OpenSSL's own atexit handler) while that thread is inside of them. */
bool thread_any_left_behind(void);

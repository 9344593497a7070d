#include "console/thread.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/lock.h"
#include "lib/thread.h"

#define STOP_WAIT_US INT64_C(300000)
#define LAST_STEPS_US INT64_C(50000)

static atomic_int running; /* threads that have not returned */

static void *thread_main(void *self)
{
    struct thread *thread = self;

    thread->run(self); /* may free it */
    atomic_fetch_sub(&running, 1);
    return NULL;
}

bool thread_start(struct thread *thread, const char *name, int wake_fd, void *(*run)(void *self),
                  struct tmv_error *err)
{
    thread->wake_fd = fcntl(wake_fd, F_DUPFD_CLOEXEC, 3);
    if (thread->wake_fd < 0)
        return err_errno(err, "starting the thread %s", name);
    thread->refs = 2;
    thread->run = run;
    lock_init(&thread->lock);
    cond_init(&thread->changed);
    atomic_fetch_add(&running, 1);
    if (thread_spawn(&thread->id, name, thread_main, thread, err)) {
        pthread_detach(thread->id);
        return true;
    }
    atomic_fetch_sub(&running, 1);
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->lock);
    close(thread->wake_fd);
    return false;
}

void thread_wait(struct thread *thread, int64_t deadline_us)
{
    cond_wait_until(&thread->changed, &thread->lock, deadline_us);
}

void thread_wake(struct thread *thread)
{
    uint64_t one = 1;
    ssize_t n = write(thread->wake_fd, &one, sizeof one);

    (void)n; /* it only fails when it is full of wakes already */
}

bool thread_stopping(struct thread *thread)
{
    HOLD(&thread->lock);
    return thread->stop;
}

void thread_stop(struct thread *thread)
{
    int64_t until = clock_now_us() + STOP_WAIT_US;

    HOLD(&thread->lock);
    thread->stop = true;
    pthread_cond_broadcast(&thread->changed);
    while (!thread->ended && clock_now_us() < until)
        thread_wait(thread, until);
}

bool thread_release(struct thread *thread)
{
    bool last;

    pthread_mutex_lock(&thread->lock);
    last = --thread->refs == 0;
    thread->ended = true;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
    if (!last)
        return false;
    close(thread->wake_fd);
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->lock);
    return true;
}

bool thread_any_left_behind(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    for (int64_t until = clock_now_us() + LAST_STEPS_US; clock_now_us() < until; nanosleep(&moment, NULL))
        if (atomic_load(&running) == 0)
            return false;
    return true;
}

#include "app/thread.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STOP_WAIT_US INT64_C(300000)
#define LAST_STEPS_US INT64_C(50000)

static atomic_int running; /* threads that have not returned */

int64_t thread_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void *thread_main(void *self)
{
    struct thread *thread = self;

    thread->run(self); /* may free it */
    atomic_fetch_sub(&running, 1);
    return NULL;
}

bool thread_start(struct thread *thread, int wake_fd, void *(*run)(void *self))
{
    pthread_condattr_t attr;
    sigset_t all, before;
    bool started;

    thread->wake_fd = fcntl(wake_fd, F_DUPFD_CLOEXEC, 3);
    if (thread->wake_fd < 0)
        return false;
    thread->refs = 2;
    thread->run = run;
    pthread_mutex_init(&thread->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&thread->changed, &attr);
    pthread_condattr_destroy(&attr);
    sigfillset(&all); /* signals are the screen's business */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    atomic_fetch_add(&running, 1);
    started = pthread_create(&thread->id, NULL, thread_main, thread) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started) {
        pthread_detach(thread->id);
        return true;
    }
    atomic_fetch_sub(&running, 1);
    close(thread->wake_fd);
    return false;
}

void thread_wait(struct thread *thread, int64_t deadline_us)
{
    struct timespec until = {(time_t)(deadline_us / 1000000), (long)(deadline_us % 1000000 * 1000)};

    if (deadline_us == INT64_MAX)
        pthread_cond_wait(&thread->changed, &thread->lock);
    else
        pthread_cond_timedwait(&thread->changed, &thread->lock, &until);
}

void thread_wake(struct thread *thread)
{
    uint64_t one = 1;
    ssize_t n = write(thread->wake_fd, &one, sizeof one);

    (void)n; /* it only fails when it is full of wakes already */
}

bool thread_stopping(struct thread *thread)
{
    bool stop;

    pthread_mutex_lock(&thread->lock);
    stop = thread->stop;
    pthread_mutex_unlock(&thread->lock);
    return stop;
}

void thread_stop(struct thread *thread)
{
    int64_t until = thread_now_us() + STOP_WAIT_US;

    pthread_mutex_lock(&thread->lock);
    thread->stop = true;
    pthread_cond_broadcast(&thread->changed);
    while (!thread->ended && thread_now_us() < until)
        thread_wait(thread, until);
    pthread_mutex_unlock(&thread->lock);
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

    for (int64_t until = thread_now_us() + LAST_STEPS_US; thread_now_us() < until; nanosleep(&moment, NULL))
        if (atomic_load(&running) == 0)
            return false;
    return true;
}

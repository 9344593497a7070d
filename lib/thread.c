#include "lib/thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/err.h"

#define JOIN_STEP_US INT64_C(5000)

static void block_signals(sigset_t *ret_before)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t blocked;

    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, ret_before);
}

bool thread_spawn(pthread_t *ret_thread, const char *name, void *(*run)(void *), void *argument,
                  struct tmv_error *err)
{
    sigset_t before;
    int code;

    block_signals(&before); /* a thread inherits the mask of its starter */
    code = pthread_create(ret_thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0) {
        errno = code; /* pthread_create leaves errno alone */
        return err_errno(err, "starting the thread %s", name);
    }
    pthread_setname_np(*ret_thread, name);
    return true;
}

/* Looks again and again: pthread_timedjoin_np waits by the wall clock, for an hour more when that is set back
 * by one, and thread sanitizers do not know pthread_clockjoin_np and take the thread for one that runs. */
bool thread_join_until(pthread_t thread, int64_t deadline_us)
{
    const struct timespec step = {.tv_nsec = JOIN_STEP_US * 1000};

    while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
        if (clock_now_us() >= deadline_us)
            return false;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
    }
    return true;
}

#include "lib/thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/err.h"

#define JOIN_STEP_US (US_PER_S / 2)

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

/* By the wall clock, because thread sanitizers do not know pthread_clockjoin_np and take the thread for one
 * that still runs. In steps: setting the clock moves a wait by one of them at most. */
bool thread_join_until(pthread_t thread, int64_t deadline_us)
{
    int64_t left_us;
    int code;

    do {
        left_us = deadline_us - clock_now_us();
        int64_t step_us = left_us < 0 ? 0 : left_us > JOIN_STEP_US ? JOIN_STEP_US : left_us;
        int64_t wall_us = clock_wall_us() + step_us;
        const struct timespec until = {.tv_sec = (time_t)(wall_us / US_PER_S),
                                       .tv_nsec = (long)(wall_us % US_PER_S) * 1000};
        code = pthread_timedjoin_np(thread, NULL, &until);
    } while (code == ETIMEDOUT && left_us > JOIN_STEP_US);
    return code != ETIMEDOUT;
}

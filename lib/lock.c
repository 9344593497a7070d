#include "lib/lock.h"

#include <errno.h>
#include <time.h>

#include "lib/assert.h"
#include "lib/clock.h"

void lock_init(pthread_mutex_t *lock)
{
    int code = pthread_mutex_init(lock, NULL);

    TMV_ASSERT(code == 0, "pthread_mutex_init: %d", code);
}

void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    int code = pthread_condattr_init(&attributes);

    TMV_ASSERT(code == 0, "pthread_condattr_init: %d", code);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    code = pthread_cond_init(cond, &attributes);
    TMV_ASSERT(code == 0, "pthread_cond_init: %d", code);
    pthread_condattr_destroy(&attributes);
}

bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_us)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_us / US_PER_S),
                             .tv_nsec = (long)(deadline_us % US_PER_S) * 1000};

    if (deadline_us == INT64_MAX) {
        pthread_cond_wait(cond, lock);
        return true;
    }
    if (deadline_us <= 0)
        return false;
    return pthread_cond_timedwait(cond, lock, &until) != ETIMEDOUT;
}

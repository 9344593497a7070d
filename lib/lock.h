/* Locks and waiting. A lock is held until the end of the block it is taken in:
 *
 *   { HOLD(&queue->lock); …; return queue->count; }
 *
 * Condition variables made here measure their deadlines by the clock of lib/clock.h, so that setting the
 * machine's clock moves no wait.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Both end the process when the system cannot make them: glibc always can. The caller destroys them. */
void lock_init(pthread_mutex_t *lock);
void cond_init(pthread_cond_t *cond);

/* Waits with `lock` held until the condition is signalled or `deadline_us` of clock_now_us has passed;
 * INT64_MAX waits without a deadline. False: the deadline passed. As always with conditions, look again at
 * what was waited for. */
bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_us);

static inline pthread_mutex_t *lock_hold(pthread_mutex_t *lock)
{
    pthread_mutex_lock(lock);
    return lock;
}

static inline void lock_auto(pthread_mutex_t **lock)
{
    pthread_mutex_unlock(*lock);
}

#define HOLD_NAMED(lock, line)                                                                               \
    __attribute__((cleanup(lock_auto), unused)) pthread_mutex_t *held_##line = lock_hold(lock)
#define HOLD_AT(lock, line) HOLD_NAMED(lock, line)
#define HOLD(lock) HOLD_AT(lock, __LINE__)

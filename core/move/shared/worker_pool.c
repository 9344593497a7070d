#include "move/shared/worker_pool.h"

#include <pthread.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/lock.h"
#include "lib/thread.h"

#define TICK_US (200 * US_PER_MS)

struct worker_pool {
    const struct worker_pool_job *job;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t ended; /* a member has ended */
    int running;
    bool any_failed;
    struct tmv_error first; /* of the members that failed */
};

struct member {
    struct worker_pool *pool;
    int number;
    pthread_t thread;
};

static void *run_member(void *argument)
{
    struct member *m = argument;
    struct tmv_error err = {0};
    bool ok = m->pool->job->work(m->pool->job->user, m->number, &err);

    pthread_mutex_lock(&m->pool->lock);
    if (!ok && !m->pool->any_failed) {
        m->pool->any_failed = true;
        m->pool->first = err;
    }
    m->pool->running--;
    pthread_cond_signal(&m->pool->ended);
    pthread_mutex_unlock(&m->pool->lock);
    return NULL;
}

/* Waits for all members, ticking; every pass is bounded, the members' own waits bound the whole. */
static void look_on(struct worker_pool *pool)
{
    bool told = false;

    pthread_mutex_lock(&pool->lock);
    while (pool->running > 0) {
        cond_wait_until(&pool->ended, &pool->lock, clock_now_us() + TICK_US);
        bool tell = pool->any_failed && !told;
        told = told || tell;
        pthread_mutex_unlock(&pool->lock);
        if (tell && pool->job->failed)
            pool->job->failed(pool->job->user);
        if (pool->job->tick)
            pool->job->tick(pool->job->user);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
}

static bool start_members(struct worker_pool *pool, struct member *members, int count, int *ret_started,
                          struct tmv_error *err)
{
    for (*ret_started = 0; *ret_started < count; (*ret_started)++) {
        struct member *m = &members[*ret_started];

        *m = (struct member){.pool = pool, .number = *ret_started};
        pthread_mutex_lock(&pool->lock);
        pool->running++;
        pthread_mutex_unlock(&pool->lock);
        if (thread_spawn(&m->thread, "worker", run_member, m, err))
            continue;
        pthread_mutex_lock(&pool->lock);
        pool->running--;
        pool->any_failed = true;
        pthread_mutex_unlock(&pool->lock);
        return false;
    }
    return true;
}

bool worker_pool_run(const struct worker_pool_job *job, int members, struct tmv_error *err)
{
    struct worker_pool pool = {.job = job};
    struct member list[WORKER_POOL_MAX];
    int started;

    if (members < 1 || members > WORKER_POOL_MAX)
        return err_set(err, TMV_ERR_INTERNAL, "a pool of %d workers", members);
    lock_init(&pool.lock);
    cond_init(&pool.ended);
    bool ok = start_members(&pool, list, members, &started, err);
    look_on(&pool);
    for (int i = 0; i < started; i++)
        pthread_join(list[i].thread, NULL);
    pthread_cond_destroy(&pool.ended);
    pthread_mutex_destroy(&pool.lock);
    if (ok && pool.any_failed) {
        *err = pool.first;
        return false;
    }
    return ok;
}

#include "move/shared/crew.h"

#include <pthread.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/lock.h"
#include "lib/thread.h"

#define TICK_US (200 * US_PER_MS)

struct crew {
    const struct crew_job *job;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t ended; /* a member has ended */
    int running;
    bool any_failed;
    struct tmv_error first; /* of the members that failed */
};

struct member {
    struct crew *crew;
    int number;
    pthread_t thread;
};

static void *run_member(void *argument)
{
    struct member *m = argument;
    struct tmv_error err = {0};
    bool ok = m->crew->job->work(m->crew->job->user, m->number, &err);

    pthread_mutex_lock(&m->crew->lock);
    if (!ok && !m->crew->any_failed) {
        m->crew->any_failed = true;
        m->crew->first = err;
    }
    m->crew->running--;
    pthread_cond_signal(&m->crew->ended);
    pthread_mutex_unlock(&m->crew->lock);
    return NULL;
}

/* Waits for all members, ticking; every pass is bounded, the members' own waits bound the whole. */
static void look_on(struct crew *crew)
{
    bool told = false;

    pthread_mutex_lock(&crew->lock);
    while (crew->running > 0) {
        cond_wait_until(&crew->ended, &crew->lock, clock_now_us() + TICK_US);
        bool tell = crew->any_failed && !told;
        told = told || tell;
        pthread_mutex_unlock(&crew->lock);
        if (tell && crew->job->failed)
            crew->job->failed(crew->job->user);
        if (crew->job->tick)
            crew->job->tick(crew->job->user);
        pthread_mutex_lock(&crew->lock);
    }
    pthread_mutex_unlock(&crew->lock);
}

static bool start_members(struct crew *crew, struct member *members, int count, int *ret_started,
                          struct tmv_error *err)
{
    for (*ret_started = 0; *ret_started < count; (*ret_started)++) {
        struct member *m = &members[*ret_started];

        *m = (struct member){.crew = crew, .number = *ret_started};
        pthread_mutex_lock(&crew->lock);
        crew->running++;
        pthread_mutex_unlock(&crew->lock);
        if (thread_spawn(&m->thread, "worker", run_member, m, err))
            continue;
        pthread_mutex_lock(&crew->lock);
        crew->running--;
        crew->any_failed = true;
        pthread_mutex_unlock(&crew->lock);
        return false;
    }
    return true;
}

bool crew_run(const struct crew_job *job, int members, struct tmv_error *err)
{
    struct crew crew = {.job = job};
    struct member list[CREW_MAX];
    int started;

    if (members < 1 || members > CREW_MAX)
        return err_set(err, TMV_ERR_INTERNAL, "a crew of %d", members);
    lock_init(&crew.lock);
    cond_init(&crew.ended);
    bool ok = start_members(&crew, list, members, &started, err);
    look_on(&crew);
    for (int i = 0; i < started; i++)
        pthread_join(list[i].thread, NULL);
    pthread_cond_destroy(&crew.ended);
    pthread_mutex_destroy(&crew.lock);
    if (ok && crew.any_failed) {
        *err = crew.first;
        return false;
    }
    return ok;
}

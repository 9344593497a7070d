/* Opening and closing of the router, write pauses, figures. */
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/lock.h"
#include "lib/text.h"
#include "lib/thread.h"
#include "route/internal.h"
#include "route/retry.h"

#define DEFAULT_POOL 8
#define DEFAULT_TIMEOUT_US (10 * US_PER_S)

bool router_wait(struct tmv_router *router, int64_t deadline_us)
{
    if (router->closing || clock_now_us() >= deadline_us)
        return false;
    return cond_wait_until(&router->changed, &router->lock, deadline_us) || clock_now_us() < deadline_us;
}

bool router_pause(struct tmv_router *router, int attempt, int64_t deadline_us)
{
    int64_t pause = retry_pause_us(attempt);
    int64_t left = deadline_us - clock_now_us();

    if (left <= 0)
        return false;
    pthread_mutex_lock(&router->lock);
    router->stats.waiting_writers++;
    pthread_mutex_unlock(&router->lock);
    bool ok = stop_sleep(&router->stop, pause < left ? pause : left);
    pthread_mutex_lock(&router->lock);
    router->stats.waiting_writers--;
    pthread_mutex_unlock(&router->lock);
    return ok;
}

static void init_waiting(struct tmv_router *router)
{
    lock_init(&router->lock);
    cond_init(&router->changed);
    cond_init(&router->work);
}

static void release(struct tmv_router *router)
{
    pool_release_all(router);
    routes_release(router);
    pgx_close(router->control);
    stop_release(&router->stop);
    pthread_cond_destroy(&router->changed);
    pthread_cond_destroy(&router->work);
    pthread_mutex_destroy(&router->lock);
    free(router->control_conninfo);
    free(router);
}

static void begin_close(struct tmv_router *router)
{
    pthread_mutex_lock(&router->lock);
    router->closing = true;
    pthread_cond_broadcast(&router->changed);
    pthread_cond_broadcast(&router->work);
    pthread_mutex_unlock(&router->lock);
    stop_raise(&router->stop);
}

static bool start_threads(struct tmv_router *router, struct tmv_error *err)
{
    if (!thread_spawn(&router->listener, "route listener", router_listener, router, err))
        return false;
    if (thread_spawn(&router->keeper, "route keeper", router_keeper, router, err))
        return true;
    begin_close(router);
    pthread_join(router->listener, NULL);
    return false;
}

bool tmv_router_open(const struct tmv_router_options *options, struct tmv_router **ret_router,
                     struct tmv_error *err)
{
    struct tmv_router *router;

    if (!pgx_check_conninfo(options->control_conninfo, err))
        return err_wrap(err, "control database");
    router = calloc(1, sizeof *router);
    if (!router)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    init_waiting(router);
    router->pool_size = options->connections_per_store > 0 ? options->connections_per_store : DEFAULT_POOL;
    router->timeout_us = options->timeout_us > 0 ? options->timeout_us : DEFAULT_TIMEOUT_US;
    router->dual_write = options->dual_write;
    router->control_conninfo = strdup(options->control_conninfo);
    bool ok = text_copy(router->default_store, sizeof router->default_store, options->default_store) ||
              err_set(err, TMV_ERR_USAGE, "the name of the default store is too long");
    ok = ok && (text_copy(router->role, sizeof router->role, options->role) ||
                err_set(err, TMV_ERR_USAGE, "the name of the role is too long"));
    if (ok && !router->control_conninfo)
        ok = err_set(err, TMV_ERR_NOMEM, "out of memory");
    router->stop.fd = -1;
    if (!ok || !stop_init(&router->stop, err) || !start_threads(router, err)) {
        release(router);
        return false;
    }
    *ret_router = router;
    return true;
}

void tmv_router_close(struct tmv_router *router)
{
    if (!router)
        return;
    begin_close(router);
    pthread_join(router->listener, NULL);
    pthread_join(router->keeper, NULL);
    release(router);
}

static void set_paused(struct tmv_router *router, const struct tmv_uuid *tenant, bool paused)
{
    pthread_mutex_lock(&router->lock);
    struct route_entry *e = routes_entry(router, tenant);
    if (e)
        e->paused = paused;
    pthread_cond_broadcast(&router->changed);
    pthread_mutex_unlock(&router->lock);
}

void tmv_router_pause_writes(struct tmv_router *router, const struct tmv_uuid *tenant)
{
    set_paused(router, tenant, true);
}

void tmv_router_resume_writes(struct tmv_router *router, const struct tmv_uuid *tenant)
{
    set_paused(router, tenant, false);
}

void tmv_router_get_stats(struct tmv_router *router, struct tmv_router_stats *ret_stats)
{
    pthread_mutex_lock(&router->lock);
    *ret_stats = router->stats;
    pthread_mutex_unlock(&router->lock);
}

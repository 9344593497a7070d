/* The router's two threads. The listener hears of changed routes and makes the cache forget them at once; the
 * keeper loads them again and opens connections to the targets of running migrations, so that no writer has
 * to. */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "route/internal.h"
#include "sql_embedded.h"

#define LISTEN_WAIT_US (1 * US_PER_S)
#define RECONNECT_US (500 * US_PER_MS)
#define KEEPER_WAIT_US (1 * US_PER_S)

static void set_listening(struct tmv_router *router, bool listening)
{
    pthread_mutex_lock(&router->lock);
    router->listening = listening;
    pthread_mutex_unlock(&router->lock);
}

/* The keeper reads the registry again. */
static void outdate_registry(struct tmv_router *router)
{
    pthread_mutex_lock(&router->lock);
    router->stale_registry = true;
    pthread_cond_signal(&router->work);
    pthread_mutex_unlock(&router->lock);
}

static void hear(struct tmv_router *router, struct pgx_conn *conn)
{
    char channel[64], payload[256];
    struct tmv_uuid tenant;

    while (pgx_next_notification(conn, channel, payload)) {
        if (strcmp(channel, "tenantmv_store") == 0)
            outdate_registry(router);
        else
            routes_outdate(router, tmv_uuid_parse(payload, &tenant) ? &tenant : NULL);
    }
}

/* Listens until the connection breaks or the router closes. False when it could not begin. */
static bool listen_once(struct tmv_router *router, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *conn = NULL;
    struct pgx_options options = {
        .conninfo = router->control_conninfo, .part = "router-listen", .stop = &router->stop};

    if (!pgx_connect(&options, &conn, err) ||
        !pgx_script(conn, LISTEN_WAIT_US * 10, sql_route_listen, 0, NULL, err))
        return false;
    routes_forget(router, NULL); /* what changed while nobody listened */
    outdate_registry(router);
    set_listening(router, true);
    while (!stop_is_raised(&router->stop) && pgx_wait_readable(conn, LISTEN_WAIT_US, err))
        hear(router, conn);
    set_listening(router, false);
    return true;
}

void *router_listener(void *arg)
{
    struct tmv_router *router = arg;
    struct tmv_error err = {0};
    bool told = false; /* once is enough until it listened again */

    while (!stop_is_raised(&router->stop)) {
        bool listened = listen_once(router, &err);

        if (!stop_is_raised(&router->stop) && (listened || !told)) {
            log_error(TMV_LOG_WARN, "changed routes are not announced for now", &err);
            told = true;
        }
        stop_sleep(&router->stop, RECONNECT_US);
    }
    return NULL;
}

struct work {
    bool routes, registry;
};

static struct work wait_for_work(struct tmv_router *router)
{
    struct work work;

    pthread_mutex_lock(&router->lock);
    if (!router->closing && !router->stale_routes && !router->warm_wanted)
        cond_wait_until(&router->work, &router->lock, clock_now_us() + KEEPER_WAIT_US);
    work.routes = router->stale_routes && !router->closing;
    work.registry = router->stale_registry && !router->closing;
    router->stale_routes = router->warm_wanted = router->stale_registry = false;
    pthread_mutex_unlock(&router->lock);
    return work;
}

void *router_keeper(void *arg)
{
    struct tmv_router *router = arg;

    while (!stop_is_raised(&router->stop)) {
        struct work work = wait_for_work(router);

        if (work.registry)
            registry_refresh(router);
        if (router_control_probe(router) || work.routes)
            routes_refresh(router);
        routes_want_targets(router);
        while (!stop_is_raised(&router->stop) && pool_warm_one(router))
            continue;
    }
    return NULL;
}

/* The router's one connection to the control database. When it is away, calls fail at once for a second
 * instead of waiting for it one after the other: routes that are known go on being used meanwhile. */
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "control/schema.h"
#include "route/internal.h"

#define CONTROL_CONNECT_US (2 * US_PER_S)
#define CONTROL_BACKOFF_US (1 * US_PER_S)

static bool connect_control(struct tmv_router *router, struct tmv_error *err)
{
    struct pgx_options options = {.conninfo = router->control_conninfo,
                                  .part = "router",
                                  .stop = &router->stop,
                                  .connect_timeout_us = CONTROL_CONNECT_US};

    if (pgx_is_usable(router->control))
        return true;
    pgx_close(TAKE(router->control));
    if (!pgx_connect(&options, &router->control, err) || !control_schema_check_router(router->control, err)) {
        pgx_close(TAKE(router->control));
        return err_wrap(err, "control database");
    }
    return true;
}

static void note_failure(struct tmv_router *router, const struct tmv_error *err)
{
    pthread_mutex_lock(&router->lock);
    router->control_error = *err;
    router->control_away = true;
    router->control_after_us = clock_now_us() + CONTROL_BACKOFF_US;
    pthread_mutex_unlock(&router->lock);
}

bool router_control_begin(struct tmv_router *router, int64_t deadline_us, struct pgx_conn **ret_conn,
                          struct tmv_error *err)
{
    bool mine = false;
    bool away = false;

    pthread_mutex_lock(&router->lock);
    while (router->control_busy && router_wait(router, deadline_us))
        continue;
    if (!router->control_busy) {
        away = clock_now_us() < router->control_after_us;
        mine = router->control_busy = !away;
        if (away)
            *err = router->control_error;
    }
    pthread_mutex_unlock(&router->lock);
    if (away)
        return false;
    if (!mine)
        return err_set(err, TMV_ERR_TIMEOUT, "the control database does not answer in time");
    if (!connect_control(router, err)) {
        note_failure(router, err);
        router_control_end(router);
        return false;
    }
    pthread_mutex_lock(&router->lock);
    router->control_away = false;
    pthread_mutex_unlock(&router->lock);
    *ret_conn = router->control;
    return true;
}

void router_control_end(struct tmv_router *router)
{
    pthread_mutex_lock(&router->lock);
    router->control_busy = false;
    pthread_cond_broadcast(&router->changed);
    pthread_mutex_unlock(&router->lock);
}

bool router_control_query(struct tmv_router *router, int64_t deadline_us, const char *sql,
                          struct pgx_args args, struct pgx_result **ret_result, struct tmv_error *err)
{
    bool ok = false;

    /* A connection that sat idle may be dead without our knowing: a second try gets a new one. */
    for (int attempt = 0; attempt < 2 && !ok; attempt++) {
        struct pgx_conn *conn;

        if (!router_control_begin(router, deadline_us, &conn, err))
            return false;
        ok = pgx_query(conn, CONTROL_CONNECT_US, sql, args, ret_result, err);
        bool again = !ok && err->code == TMV_ERR_UNREACHABLE;
        if (!ok && err->code == TMV_ERR_TIMEOUT)
            note_failure(router, err);
        router_control_end(router);
        if (!again)
            break;
    }
    return ok;
}

bool router_control_probe(struct tmv_router *router)
{
    struct pgx_conn *conn;
    struct tmv_error ignored;

    pthread_mutex_lock(&router->lock);
    bool away = router->control_away;
    pthread_mutex_unlock(&router->lock);
    if (!away || !router_control_begin(router, clock_now_us() + CONTROL_CONNECT_US, &conn, &ignored))
        return false;
    router_control_end(router);
    return true;
}

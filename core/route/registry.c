/* What the registry says about stores: how each is reached, and which database it is. It is read when a store
 * is first used, and again when a change is announced: a store that was replaced is left, whatever
 * connections are open to it. */
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/text.h"
#include "control/repositories.h"
#include "route/internal.h"

bool registry_load(struct tmv_router *router, const char *id, int64_t deadline_us,
                   struct tmv_store_info *ret_info, struct tmv_error *err)
{
    struct tmv_control control = {.read_only = true};
    bool ok;

    if (!router_control_begin(router, deadline_us, &control.conn, err))
        return false;
    ok = tmv_store_get(&control, id, ret_info, err);
    router_control_end(router);
    if (ok && router->role[0])
        text_copy(ret_info->role, sizeof ret_info->role, router->role);
    return ok || err_wrap(err, "looking up store %s", id);
}

/* The caller's own way to a store leads to the database that the registry knows under this name, or nowhere.
 * A name that the registry does not know is the caller's alone. */
bool registry_identity(struct tmv_router *router, struct route_store *store, int64_t deadline_us,
                       struct tmv_store_identity *ret_identity, struct tmv_error *err)
{
    struct tmv_store_info registered;
    bool asked;

    pthread_mutex_lock(&router->lock);
    asked = !store->registered || store->asked;
    *ret_identity = store->identity;
    pthread_mutex_unlock(&router->lock);
    if (asked)
        return true;
    if (registry_load(router, store->info.id, deadline_us, &registered, err))
        *ret_identity = registered.identity;
    else if (err->code != TMV_ERR_NOT_FOUND)
        return false;
    pthread_mutex_lock(&router->lock);
    store->asked = true;
    store->identity = *ret_identity;
    pthread_mutex_unlock(&router->lock);
    return true;
}

static bool same_identity(const struct tmv_store_identity *a, const struct tmv_store_identity *b)
{
    return strcmp(a->system_identifier, b->system_identifier) == 0 && a->database_oid == b->database_oid &&
           a->events_oid == b->events_oid;
}

static bool has_changed(const struct route_store *store, const struct tmv_store_info *now)
{
    if (store->registered)
        return store->asked && !same_identity(&store->identity, now ? &now->identity : &store->identity);
    return !now || strcmp(store->info.conninfo, now->conninfo) != 0 ||
           strcmp(store->info.events_schema, now->events_schema) != 0 ||
           strcmp(store->info.events_table, now->events_table) != 0 ||
           !same_identity(&store->identity, &now->identity);
}

/* The next call reads the registry again: the caller's own store is kept under its name. The lock is held. */
static void leave(struct tmv_router *router, struct route_store *store)
{
    log_info("store %s was changed in the registry: its connections are opened again", store->info.id);
    store->retired = true;
    if (store->registered && !pool_add_store(router, &store->info, true))
        log_warn("store %s cannot be used: out of memory", store->info.id);
}

/* The keeper tries again in its next round. */
static void outdate(struct tmv_router *router)
{
    pthread_mutex_lock(&router->lock);
    router->stale_registry = true;
    pthread_mutex_unlock(&router->lock);
}

void registry_refresh(struct tmv_router *router)
{
    AUTO_FREE struct tmv_store_info *stores = NULL;
    struct tmv_control control = {.read_only = true};
    size_t count = 0;
    struct tmv_error err;

    if (!router_control_begin(router, clock_now_us() + router->timeout_us, &control.conn, &err))
        return outdate(router);
    bool ok = tmv_store_list(&control, &stores, &count, &err);
    router_control_end(router);
    if (!ok) {
        log_error(TMV_LOG_WARN, "reading the registry again", &err);
        return outdate(router);
    }
    pthread_mutex_lock(&router->lock);
    for (struct route_store *s = router->stores, *next; s; s = next) {
        const struct tmv_store_info *now = NULL;

        next = s->next;
        for (size_t i = 0; i < count && !now; i++)
            if (strcmp(stores[i].id, s->info.id) == 0)
                now = &stores[i];
        if (!s->retired && has_changed(s, now))
            leave(router, s);
    }
    pool_sweep(router);
    pthread_cond_broadcast(&router->changed);
    pthread_mutex_unlock(&router->lock);
}

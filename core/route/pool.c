/* One pool of connections per store. A writer waits at most until its deadline; a connection that broke is
 * closed when it comes back; a store that was unregistered or replaced is used by nobody new.
 * Connections to the target of a running migration are opened and used once before they are needed, because
 * the first statement of a new server process costs more than the whole write pause. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/text.h"
#include "control/repositories.h"
#include "route/internal.h"
#include "sql_embedded.h"

#define CONNECT_US (5 * US_PER_S)
#define WARM_BACKOFF_US (1 * US_PER_S)

static struct route_store *find_store(struct tmv_router *router, const char *id)
{
    for (struct route_store *s = router->stores; s; s = s->next)
        if (!s->retired && strcmp(s->info.id, id) == 0)
            return s;
    return NULL;
}

struct route_store *pool_add_store(struct tmv_router *router, const struct tmv_store_info *info,
                                   bool registered)
{
    struct route_store *store = calloc(1, sizeof *store);

    if (!store)
        return NULL;
    store->info = *info;
    store->identity = info->identity;
    store->registered = registered;
    store->next = router->stores;
    router->stores = store;
    return store;
}

static void free_idle(struct route_store *store)
{
    while (store->idle) {
        struct pooled *next = store->idle->next;

        pgx_close(store->idle->conn);
        free(store->idle);
        store->idle = next;
        store->idle_count--;
        store->open_count--;
    }
}

void pool_sweep(struct tmv_router *router)
{
    for (struct route_store *s = router->stores; s; s = s->next)
        if (s->retired)
            free_idle(s);
}

/* Takes an idle connection, or the right to open one, or waits. *ret_pooled NULL with success: open one. */
static bool take(struct tmv_router *router, const char *id, int64_t deadline_us,
                 struct route_store **ret_store, struct pooled **ret_pooled)
{
    for (;;) {
        struct route_store *s = find_store(router, id);

        *ret_store = s;
        if (!s)
            return true;
        if (s->idle) {
            *ret_pooled = s->idle;
            s->idle = s->idle->next;
            s->idle_count--;
            return true;
        }
        if (s->open_count < router->pool_size) {
            s->open_count++;
            return true;
        }
        if (!router_wait(router, deadline_us))
            return false;
    }
}

static bool discover(struct tmv_router *router, struct route_store *store, struct pgx_conn *conn,
                     struct tmv_error *err)
{
    AUTO_FREE struct store_shape *shape = NULL;
    bool known;

    pthread_mutex_lock(&router->lock);
    known = store->shape;
    pthread_mutex_unlock(&router->lock);
    if (known)
        return true;
    shape = calloc(1, sizeof *shape);
    if (!shape)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (!store_shape_discover(conn, store->info.events_schema, store->info.events_table, shape, err))
        return err_wrap(err, "store %s", store->info.id);
    pthread_mutex_lock(&router->lock);
    if (!store->shape)
        store->shape = TAKE(shape);
    pthread_mutex_unlock(&router->lock);
    return true;
}

/* Rows are written over any of these connections. */
static bool take_write_path(struct pgx_conn *conn, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(2000);
    const struct pgx_var vars[] = {{"write_path", pgx_write_path(conn)}};

    return pgx_expand(&sql, sql_route_write_path, vars, ARRAY_LEN(vars), err) &&
           pgx_script(conn, CONNECT_US, buf_text(&sql), 0, NULL, err);
}

/* Opens a connection for which the pool has made room. Gives the room back when that fails. */
static bool open_one(struct tmv_router *router, struct route_store *store, int64_t deadline_us,
                     struct pooled **ret_pooled, struct tmv_error *err)
{
    AUTO_FREE struct pooled *pooled = calloc(1, sizeof *pooled);
    int64_t left = deadline_us - clock_now_us();
    struct pgx_options options = {.part = "router",
                                  .stop = &router->stop,
                                  .connect_timeout_us = left < CONNECT_US ? left : CONNECT_US,
                                  .statement_timeout_us = router->timeout_us};
    struct tmv_store_info info = store->info;
    bool ok = pooled || err_set(err, TMV_ERR_NOMEM, "out of memory");

    ok = ok && registry_identity(router, store, deadline_us, &info.identity, err);
    if (ok && left <= 0)
        ok = err_set(err, TMV_ERR_TIMEOUT, "no time left to connect to store %s", store->info.id);
    ok = ok && store_connect(&info, &options, &pooled->conn, err) &&
         discover(router, store, pooled->conn, err) && take_write_path(pooled->conn, err);
    if (ok) {
        pooled->store = store;
        pooled->limit_ms = router->timeout_us / US_PER_MS;
        *ret_pooled = TAKE(pooled);
        return true;
    }
    if (pooled)
        pgx_close(pooled->conn);
    pthread_mutex_lock(&router->lock);
    store->open_count--;
    pool_sweep(router);
    pthread_cond_broadcast(&router->changed);
    pthread_mutex_unlock(&router->lock);
    return false;
}

/* The server itself ends a statement that outlives the call, so that its outcome is known: only a call that
 * begins late needs a shorter limit than the session has. */
static bool limit_statements(struct pooled *pooled, const struct tmv_router *router, int64_t deadline_us,
                             struct tmv_error *err)
{
    int64_t full = router->timeout_us / US_PER_MS;
    int64_t left = (deadline_us - clock_now_us()) / US_PER_MS;
    char text[24];

    if (left > full * 9 / 10)
        left = full;
    if (left < 1)
        left = 1;
    if (left == pooled->limit_ms)
        return true;
    snprintf(text, sizeof text, "%lld", (long long)left);
    if (!pgx_query(pooled->conn, CONNECT_US, sql_store_statement_limit, PGX_ARGS(PGX_TEXT(text)), NULL, err))
        return false;
    pooled->limit_ms = left;
    return true;
}

/* Whether the server has not hung up while the connection was idle; does not ask it. */
static bool is_alive(struct pooled *pooled)
{
    char channel[64], payload[256];

    /* The first look may take the server's last words, the second one the end of the stream. */
    for (int i = 0; i < 2; i++)
        while (pgx_next_notification(pooled->conn, channel, payload))
            continue;
    return pgx_is_usable(pooled->conn);
}

bool pool_acquire(struct tmv_router *router, const char *store_id, int64_t deadline_us,
                  struct pooled **ret_pooled, struct tmv_error *err)
{
    struct route_store *store = NULL;
    struct pooled *pooled = NULL;
    struct tmv_store_info info;
    bool taken;

    pthread_mutex_lock(&router->lock);
    taken = take(router, store_id, deadline_us, &store, &pooled);
    pthread_mutex_unlock(&router->lock);
    if (taken && !store) {
        if (!registry_load(router, store_id, deadline_us, &info, err))
            return false;
        pthread_mutex_lock(&router->lock);
        bool added = find_store(router, store_id) || pool_add_store(router, &info, false);
        taken = added && take(router, store_id, deadline_us, &store, &pooled);
        pthread_mutex_unlock(&router->lock);
        if (!added)
            return err_set(err, TMV_ERR_NOMEM, "out of memory");
    }
    if (!taken || !store) {
        err_set(err, TMV_ERR_TIMEOUT, "no connection to store %s came free in time", store_id);
        return err_hint(err, "give the router more connections per store, or fewer writers");
    }
    if (pooled && !is_alive(pooled)) {
        pool_release(router, pooled); /* closes it and makes room */
        return pool_acquire(router, store_id, deadline_us, ret_pooled, err);
    }
    if (!pooled && !open_one(router, store, deadline_us, &pooled, err))
        return false;
    if (!limit_statements(pooled, router, deadline_us, err)) {
        pool_release(router, pooled);
        return false;
    }
    *ret_pooled = pooled;
    return true;
}

void pool_release(struct tmv_router *router, struct pooled *pooled)
{
    bool keep = pgx_is_usable(pooled->conn) && !pgx_in_transaction(pooled->conn);
    struct route_store *store = pooled->store;

    if (!keep)
        pgx_close(TAKE(pooled->conn));
    pthread_mutex_lock(&router->lock);
    if (keep) {
        pooled->next = store->idle;
        store->idle = pooled;
        store->idle_count++;
    } else {
        store->open_count--;
        free(pooled);
    }
    if (store->retired)
        pool_sweep(router);
    pthread_cond_broadcast(&router->changed);
    pthread_mutex_unlock(&router->lock);
}

/* ---- warm connections ---- */

void pool_want_target(struct tmv_router *router, const struct tmv_uuid *tenant, const struct route *route)
{
    const char *source_id = route->store_id;
    const char *target_id = route->target_id;
    struct tmv_store_info info;
    struct tmv_error err;

    pthread_mutex_lock(&router->lock);
    bool missing = !find_store(router, target_id);
    pthread_mutex_unlock(&router->lock);
    if (missing && !registry_load(router, target_id, clock_now_us() + CONNECT_US, &info, &err)) {
        log_error(TMV_LOG_DEBUG, "the target of a migration is not known yet", &err);
        return;
    }
    pthread_mutex_lock(&router->lock);
    const struct route_store *source = find_store(router, source_id);
    struct route_store *target = find_store(router, target_id);
    if (!target && missing)
        target = pool_add_store(router, &info, false);
    int wanted = source && source->open_count > 1 ? source->open_count : 1;
    if (target && target->wanted < wanted) {
        target->wanted = wanted;
        target->warm_tenant = *tenant;
        router->warm_wanted = true;
        pthread_cond_signal(&router->work);
    }
    pthread_mutex_unlock(&router->lock);
}

/* Makes room in a store that wants connections; NULL when none does. The lock is held. */
static struct route_store *next_wanted(struct tmv_router *router)
{
    for (struct route_store *s = router->stores; s; s = s->next)
        if (!s->retired && s->open_count < s->wanted && s->open_count < router->pool_size &&
            clock_now_us() >= s->warm_after_us) {
            s->open_count++;
            return s;
        }
    return NULL;
}

/* An append of no events runs the whole statement: the server process loads what it needs, and nothing is
 * written. */
static void warm_up(struct pooled *pooled, const struct tmv_uuid *tenant)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    char id[TMV_UUID_TEXT];
    const struct pgx_var vars[] = {{"tenant_id", tmv_uuid_format(tenant, id)}};
    struct tmv_stream nowhere = {.aggregate = tmv_uuid_random(), .aggregate_type = "-"};
    struct store_append nothing = {.stream = &nowhere, .expected = TMV_EXPECT_ANY};
    struct store_appended appended;
    struct tmv_error err;

    /* So often, because the server settles on one plan only after five. */
    for (int i = 0; i < 6; i++)
        if (!store_append(pooled->conn, pooled->store->shape, &nothing, CONNECT_US, &appended, &err)) {
            log_error(TMV_LOG_DEBUG, "a connection could not be warmed up", &err);
            return;
        }
    if (!tmv_uuid_is_nil(tenant) &&
        (!store_sql(&sql, sql_route_warm_insert, pooled->store->shape, vars, ARRAY_LEN(vars), &err) ||
         !pgx_script(pooled->conn, CONNECT_US, buf_text(&sql), 0, NULL, &err)))
        log_error(TMV_LOG_DEBUG, "the guard could not be warmed up", &err);
}

bool pool_warm_one(struct tmv_router *router)
{
    struct pooled *pooled = NULL;
    struct tmv_error err;

    pthread_mutex_lock(&router->lock);
    struct route_store *store = next_wanted(router);
    struct tmv_uuid tenant = store ? store->warm_tenant : (struct tmv_uuid){0};
    if (store)
        store->warm_after_us = clock_now_us() + WARM_BACKOFF_US; /* taken back when it works */
    pthread_mutex_unlock(&router->lock);
    if (!store)
        return false;
    if (!open_one(router, store, clock_now_us() + CONNECT_US, &pooled, &err)) {
        log_error(TMV_LOG_DEBUG, "a connection could not be opened ahead", &err);
        return true;
    }
    warm_up(pooled, &tenant);
    pthread_mutex_lock(&router->lock);
    store->warm_after_us = 0;
    pthread_mutex_unlock(&router->lock);
    pool_release(router, pooled);
    return true;
}

void pool_release_all(struct tmv_router *router)
{
    while (router->stores) {
        struct route_store *next = router->stores->next;

        free_idle(router->stores);
        free(router->stores->shape);
        free(router->stores);
        router->stores = next;
    }
}

/* ---- the caller's own stores ---- */

bool tmv_router_register_store(struct tmv_router *router, const struct tmv_store_info *store,
                               struct tmv_error *err)
{
    struct tmv_store_identity identity;
    struct tmv_store_info own = *store;
    struct tmv_error ignored;

    if (!own.role[0])
        text_copy(own.role, sizeof own.role, router->role);
    if (!store->id[0])
        return err_set(err, TMV_ERR_USAGE, "a store needs a name");
    if (!pgx_check_conninfo(store->conninfo, err))
        return err_wrap(err, "store %s", store->id);
    pthread_mutex_lock(&router->lock);
    struct route_store *old = find_store(router, store->id);
    struct route_store *added = pool_add_store(router, &own, true);
    if (added && old)
        old->retired = true;
    pool_sweep(router);
    pthread_cond_broadcast(&router->changed);
    pthread_mutex_unlock(&router->lock);
    if (!added)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    /* Asked now, so that no writer waits for it; what cannot be asked now is asked at the first connection.
     */
    if (!registry_identity(router, added, clock_now_us() + router->timeout_us, &identity, &ignored))
        log_error(TMV_LOG_DEBUG, "which database a store is cannot be asked now", &ignored);
    return true;
}

bool tmv_router_unregister_store(struct tmv_router *router, const char *store_id)
{
    pthread_mutex_lock(&router->lock);
    struct route_store *store = find_store(router, store_id);
    bool found = store && store->registered;
    if (found)
        store->retired = true;
    pool_sweep(router);
    pthread_cond_broadcast(&router->changed);
    pthread_mutex_unlock(&router->lock);
    return found;
}

static void merge_store(struct tmv_store_info *list, size_t *count, const struct tmv_store_info *store)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(list[i].id, store->id) == 0) {
            list[i] = *store;
            return;
        }
    list[(*count)++] = *store;
}

bool tmv_router_list_stores(struct tmv_router *router, struct tmv_store_info **ret_stores, size_t *ret_count,
                            struct tmv_error *err)
{
    AUTO_FREE struct tmv_store_info *registry = NULL;
    AUTO_FREE struct tmv_store_info *all = NULL;
    struct tmv_control control = {.read_only = true};
    size_t known = 0, own = 0;

    if (!router_control_begin(router, clock_now_us() + router->timeout_us, &control.conn, err))
        return false;
    bool ok = tmv_store_list(&control, &registry, &known, err);
    router_control_end(router);
    if (!ok)
        return err_wrap(err, "listing the stores");
    pthread_mutex_lock(&router->lock);
    for (const struct route_store *s = router->stores; s; s = s->next)
        own += s->registered && !s->retired;
    all = calloc(known + own + 1, sizeof *all);
    if (all && known)
        memcpy(all, registry, known * sizeof *all);
    for (const struct route_store *s = router->stores; all && s; s = s->next)
        if (s->registered && !s->retired)
            merge_store(all, &known, &s->info);
    pthread_mutex_unlock(&router->lock);
    if (!all)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    *ret_count = known;
    *ret_stores = TAKE(all);
    return true;
}

/* The route cache. What a store itself says (TM001) wins over what was looked up; an announcement by the
 * control database makes an entry stale, and a stale entry is used only while the control database is away.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/text.h"
#include "route/internal.h"
#include "sql_embedded.h"

#define UNHEARD_US (5 * US_PER_S) /* for this long a route is trusted without announcements */
/* For this long a placement learned from a decision is trusted without a lookup: the control database
 * announces it a moment later. */
#define DECIDED_US US_PER_S
/* The engine opens a new home right after its decision. For this long no router does, because its writer
 * would wait for it. */
#define ENGINE_FIRST_US (50 * US_PER_MS)

struct route_entry *routes_entry(struct tmv_router *router, const struct tmv_uuid *tenant)
{
    struct route_entry **bucket =
        &router->routes[(tenant->bytes[14] << 8 | tenant->bytes[15]) % ROUTE_BUCKETS];

    for (struct route_entry *e = *bucket; e; e = e->next)
        if (tmv_uuid_equal(&e->tenant, tenant))
            return e;
    struct route_entry *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return NULL;
    fresh->tenant = *tenant;
    fresh->next = *bucket;
    *bucket = fresh;
    return fresh;
}

void routes_release(struct tmv_router *router)
{
    for (size_t i = 0; i < ROUTE_BUCKETS; i++)
        while (router->routes[i]) {
            struct route_entry *next = router->routes[i]->next;

            free(router->routes[i]);
            router->routes[i] = next;
        }
}

static bool is_valid(const struct tmv_router *router, const struct route_entry *e)
{
    return e->known && e->fresh && (router->listening || clock_now_us() - e->loaded_at_us < UNHEARD_US);
}

typedef bool is_good_fn(const struct tmv_router *router, const struct route_entry *e);

/* Right after a move nobody waits for a lookup: all of the tenant's writers would, within the gap that they
 * see. Any other announcement is waited for, because nothing else may hold a write or a read that goes wrong.
 */
static bool is_usable(const struct tmv_router *router, const struct route_entry *e)
{
    bool just_decided = e->route.epoch > 0 && clock_now_us() - e->placed_at_us < DECIDED_US;

    return is_valid(router, e) || (e->known && just_decided);
}

static bool look_up(struct tmv_router *router, const struct tmv_uuid *tenant, int64_t deadline_us,
                    struct route *ret_route, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    char text[TMV_UUID_TEXT];

    if (!router_control_query(router, deadline_us, sql_route_lookup, PGX_ARGS(PGX_UUID(tenant)), &result,
                              err))
        return err_wrap(err, "looking up the store of tenant %s", tmv_uuid_format(tenant, text));
    *ret_route = (struct route){.state = TMV_ROUTING_NORMAL};
    if (pgx_rows(result) == 0) {
        if (!router->default_store[0]) {
            err_set(err, TMV_ERR_NOT_FOUND, "tenant %s has no route", tmv_uuid_format(tenant, text));
            return err_hint(err, "register where it lives, or give the router a default store");
        }
        text_copy(ret_route->store_id, sizeof ret_route->store_id, router->default_store);
        return true;
    }
    text_copy(ret_route->store_id, sizeof ret_route->store_id, pgx_text(result, 0, 0));
    if (!tmv_routing_state_parse(pgx_text(result, 0, 1), &ret_route->state))
        return err_set(err, TMV_ERR_INTERNAL, "unknown routing state %s", pgx_text(result, 0, 1));
    ret_route->migration = pgx_uuid(result, 0, 2);
    text_copy(ret_route->target_id, sizeof ret_route->target_id, pgx_text(result, 0, 3));
    ret_route->epoch = pgx_int(result, 0, 4);
    return true;
}

static void begin_placement(struct route_entry *e)
{
    e->opening = false;
    e->placed_at_us = clock_now_us();
}

/* What was learned about the same placement outlives a lookup. */
static void store_route(struct route_entry *e, const struct route *found, bool fresh)
{
    struct route old = e->route;

    e->route = *found;
    if (e->known && strcmp(old.store_id, found->store_id) == 0 && old.epoch > found->epoch)
        e->route.epoch = old.epoch;
    if (e->route.epoch != old.epoch)
        begin_placement(e);
    if (e->known && tmv_uuid_equal(&old.migration, &found->migration)) {
        e->route.mirror_epoch = old.mirror_epoch;
        e->route.mirror_after_us = old.mirror_after_us;
    }
    e->known = true;
    e->fresh = fresh;
    e->loaded_at_us = clock_now_us();
}

/* Whether the caller has to look the tenant up. False with *ret_route filled when the cache knows it. One
 * caller looks, the others wait for what it finds. The lock is held. */
static bool must_look_up(struct tmv_router *router, struct route_entry *e, is_good_fn *is_good,
                         int64_t deadline_us, struct route *ret_route)
{
    while (!is_good(router, e) && e->loading && router_wait(router, deadline_us))
        continue;
    *ret_route = e->route;
    if (is_good(router, e) || (e->known && router->control_away))
        return false;
    e->loading = true;
    return true;
}

/* Keeps what was found, unless a store told more in the meantime. The lock is held. */
static void end_look_up(struct tmv_router *router, struct route_entry *e, const struct route *found,
                        int64_t generation)
{
    bool unchanged = generation == router->generation;

    if (found && (unchanged || !is_valid(router, e)))
        store_route(e, found, unchanged);
    e->loading = false;
    pthread_cond_broadcast(&router->changed);
}

/* The cached route if it is good, else a new one. */
static bool get(struct tmv_router *router, const struct tmv_uuid *tenant, is_good_fn *is_good,
                int64_t deadline_us, struct route *ret_route, struct tmv_error *err)
{
    struct route found;

    pthread_mutex_lock(&router->lock);
    struct route_entry *e = routes_entry(router, tenant);
    bool look = e && must_look_up(router, e, is_good, deadline_us, ret_route);
    bool known = e && e->known;
    int64_t generation = router->generation;
    pthread_mutex_unlock(&router->lock);
    if (!e)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (!look)
        return true;
    bool ok = look_up(router, tenant, deadline_us, &found, err);
    pthread_mutex_lock(&router->lock);
    end_look_up(router, e, ok ? &found : NULL, generation);
    if (ok)
        *ret_route = e->route;
    pthread_mutex_unlock(&router->lock);
    if (!ok && (!known || err->code == TMV_ERR_NOT_FOUND))
        return false;
    if (!ok)
        log_error(TMV_LOG_DEBUG, "an outdated route is used", err);
    if (ok && ret_route->state == TMV_ROUTING_DUAL_WRITE && ret_route->target_id[0])
        pool_want_target(router, tenant, ret_route);
    return true;
}

bool routes_get(struct tmv_router *router, const struct tmv_uuid *tenant, int64_t deadline_us,
                struct route *ret_route, struct tmv_error *err)
{
    return get(router, tenant, is_usable, deadline_us, ret_route, err);
}

void routes_learn(struct tmv_router *router, const struct tmv_uuid *tenant, const char *store_id,
                  int64_t epoch)
{
    pthread_mutex_lock(&router->lock);
    struct route_entry *e = routes_entry(router, tenant);
    bool news = e && (strcmp(e->route.store_id, store_id) != 0 || epoch > e->route.epoch);
    if (news) {
        e->route = (struct route){.state = TMV_ROUTING_MIGRATED, .epoch = epoch};
        text_copy(e->route.store_id, sizeof e->route.store_id, store_id);
        e->known = e->fresh = true;
        begin_placement(e);
        e->loaded_at_us = clock_now_us();
        router->generation++;
    }
    pthread_mutex_unlock(&router->lock);
}

static void outdate(struct tmv_router *router, const struct tmv_uuid *tenant, bool doubtful)
{
    pthread_mutex_lock(&router->lock);
    router->generation++;
    for (size_t i = 0; i < ROUTE_BUCKETS; i++)
        for (struct route_entry *e = router->routes[i]; e; e = e->next)
            if (!tenant || tmv_uuid_equal(&e->tenant, tenant)) {
                e->fresh = false;
                if (doubtful)
                    e->placed_at_us = 0;
                router->stale_routes |= e->known;
            }
    pthread_cond_signal(&router->work);
    pthread_mutex_unlock(&router->lock);
}

void routes_outdate(struct tmv_router *router, const struct tmv_uuid *tenant)
{
    outdate(router, tenant, false);
}

void routes_forget(struct tmv_router *router, const struct tmv_uuid *tenant)
{
    outdate(router, tenant, true);
}

bool routes_claim_opening(struct tmv_router *router, const struct tmv_uuid *tenant, int64_t epoch)
{
    pthread_mutex_lock(&router->lock);
    struct route_entry *e = routes_entry(router, tenant);
    bool mine =
        e && e->route.epoch == epoch && !e->opening && clock_now_us() - e->placed_at_us >= ENGINE_FIRST_US;
    if (mine)
        e->opening = true;
    pthread_mutex_unlock(&router->lock);
    return mine;
}

void routes_note_mirror(struct tmv_router *router, const struct tmv_uuid *tenant, int64_t epoch,
                        int64_t after_us)
{
    pthread_mutex_lock(&router->lock);
    struct route_entry *e = routes_entry(router, tenant);
    if (e) {
        e->route.mirror_epoch = epoch;
        e->route.mirror_after_us = after_us;
    }
    pthread_mutex_unlock(&router->lock);
}

/* Finds the next known route, from *bucket on, that `pick` wants; entries are never freed while the router is
 * open, and new ones come first in their bucket. */
static bool next_route(struct tmv_router *router, bool (*pick)(const struct route_entry *), size_t *bucket,
                       struct route_entry *ret_entry)
{
    bool found = false;

    pthread_mutex_lock(&router->lock);
    while (*bucket < ROUTE_BUCKETS && !found && !router->closing) {
        const struct route_entry *e = router->routes[(*bucket)++];

        while (e && !(e->known && pick(e)))
            e = e->next;
        found = e;
        if (found)
            *ret_entry = *e;
    }
    pthread_mutex_unlock(&router->lock);
    return found;
}

static bool is_stale(const struct route_entry *e)
{
    return !e->fresh;
}

static bool has_target(const struct route_entry *e)
{
    return e->route.state == TMV_ROUTING_DUAL_WRITE && e->route.target_id[0];
}

void routes_refresh(struct tmv_router *router)
{
    struct route_entry stale;
    struct route ignored;
    struct tmv_error err;
    size_t bucket = 0;

    while (next_route(router, is_stale, &bucket, &stale)) {
        if (!get(router, &stale.tenant, is_valid, clock_now_us() + UNHEARD_US, &ignored, &err))
            continue; /* the next call of a writer reports it */
        pthread_mutex_lock(&router->lock);
        bool done = routes_entry(router, &stale.tenant)->fresh;
        bool away = router->control_away;
        pthread_mutex_unlock(&router->lock);
        if (away)
            return;
        bucket -= done; /* there may be another one in the same bucket */
    }
}

void routes_want_targets(struct tmv_router *router)
{
    struct route_entry moving;
    size_t bucket = 0;

    while (next_route(router, has_target, &bucket, &moving))
        pool_want_target(router, &moving.tenant, &moving.route);
}

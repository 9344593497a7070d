/* Appends: held, redirected, repeated, resolved, until the outcome is known or the time is over.
 *
 * 1. A write is repeated only with the same event ids, so that it can happen once at most.
 * 2. After a lost answer it is repeated on the same store: the unique index on the event id waits for the old
 *    transaction. Only when that store says that the tenant moved does it go on to the next, because the move
 * waited for the old transaction and took its events along.
 * 3. Until the old transaction is known to be over, "not found" proves nothing; then the caller is told
 * UNKNOWN.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/text.h"
#include "route/internal.h"
#include "route/retry.h"
#include "sql_embedded.h"

#define OPEN_FENCE_US (1 * US_PER_S)
#define ANSWER_GRACE_US                                                                                      \
    (1 * US_PER_S) /* the server ends the statement at the deadline; its answer needs a moment */

/* One append on its way. */
struct write {
    struct tmv_router *router;
    struct store_append what;
    struct tmv_new_event *events; /* owned copy with ids and times filled in */
    int64_t began_us;
    int64_t deadline_us;
    struct route route; /* of the try that runs */
    bool pinned;        /* route was set by hand: a store to resolve on, or one that was named */
    bool unsure;        /* the answer to an earlier try was lost */
    bool held;
    struct tmv_error refusal; /* by the guard, the last one; code TMV_OK: none */
    bool followed;            /* a store named another one */
    int64_t followed_epoch;   /* the highest placement epoch that was named */
    int tries;
    const struct store_shape
        *source_shape; /* of the store that took it; lives as long as the router knows the store */
    struct store_appended appended;
};

static bool prepare_events(struct write *w, const struct tmv_append *append, struct tmv_error *err)
{
    size_t count = append->count;

    if (count == 0)
        return err_set(err, TMV_ERR_USAGE, "an append without events");
    w->events = calloc(count, sizeof *w->events);
    if (!w->events)
        return err_set(err, TMV_ERR_NOMEM, "no memory for %zu events", count);
    memcpy(w->events, append->events, count * sizeof *w->events);
    for (size_t i = 0; i < count; i++)
        if (tmv_uuid_is_nil(&w->events[i].id))
            w->events[i].id = tmv_uuid_random();
    w->what.events = w->events;
    w->what.count = count;
    return true;
}

/* A partitioned table's unique indexes include the time, so a repetition must bring the same one. */
static void fix_times(struct write *w, const struct store_shape *shape)
{
    if (!shape->partitioned)
        return;
    for (size_t i = 0; i < w->what.count; i++)
        if (w->events[i].timestamp_us == 0)
            w->events[i].timestamp_us = clock_wall_us();
}

/* Waits while the tenant's writes are paused in this router. */
static bool wait_for_pause(struct write *w, struct tmv_error *err)
{
    struct tmv_router *router = w->router;
    bool ok = true;

    pthread_mutex_lock(&router->lock);
    const struct route_entry *e = routes_entry(router, &w->what.stream->tenant);
    if (e && e->paused) {
        w->held = true;
        router->stats.waiting_writers++;
        while (ok && e->paused)
            ok = router_wait(router, w->deadline_us);
        router->stats.waiting_writers--;
    }
    pthread_mutex_unlock(&router->lock);
    if (ok)
        return true;
    err_set(err, TMV_ERR_CLOSED, "the tenant's writes are paused");
    return err_hint(err, "repeat the write when the maintenance is over");
}

static bool find_route(struct write *w, struct tmv_error *err)
{
    if (w->pinned)
        return true;
    if (!tmv_uuid_is_nil(&w->what.stream->tenant))
        return routes_get(w->router, &w->what.stream->tenant, w->deadline_us, &w->route, err);
    w->route = (struct route){.state = TMV_ROUTING_NORMAL};
    if (!w->router->default_store[0])
        return err_set(err, TMV_ERR_NOT_FOUND, "an event without tenant needs the router's default store");
    return text_copy(w->route.store_id, sizeof w->route.store_id, w->router->default_store);
}

/* The tenant's new home takes other writers too once its fence is open. The engine opens it; whoever came
 * here first, knowing of the decision, does so as well, in case the engine is gone. Without the right to do
 * so nothing is lost. */
static void open_new_home(struct write *w, struct pooled *pooled)
{
    const struct tmv_uuid *tenant = &w->what.stream->tenant;
    struct tmv_error ignored;

    if (!w->route.epoch || !routes_claim_opening(w->router, tenant, w->route.epoch))
        return;
    if (!pgx_query(
            pooled->conn, OPEN_FENCE_US, sql_route_open_fence,
            PGX_ARGS(PGX_UUID(tenant), PGX_INT(w->route.epoch), PGX_INT(pooled->store->shape->relation_oid)),
            NULL, &ignored))
        log_error(TMV_LOG_DEBUG, "the new home is left for the engine to open", &ignored);
}

/* One try on one store. */
static bool try_once(struct write *w, struct tmv_error *err)
{
    struct pooled *pooled = NULL;
    bool ok;

    if (!wait_for_pause(w, err) || !find_route(w, err) ||
        !pool_acquire(w->router, w->route.store_id, w->deadline_us, &pooled, err))
        return false;
    const struct store_shape *shape = pooled->store->shape;
    fix_times(w, shape);
    w->what.epoch = w->route.epoch;
    w->what.want_copy = !w->unsure && dual_write_is_due(w->router, &w->route);
    w->source_shape = shape;
    ok = store_append(pooled->conn, shape, &w->what, w->deadline_us - clock_now_us() + ANSWER_GRACE_US,
                      &w->appended, err);
    if (ok)
        open_new_home(w, pooled);
    pool_release(w->router, pooled);
    return ok;
}

/* The store named another one: go there. False when the answer says nothing new, as between two stores that
 * both say that the tenant left. */
static bool follow(struct write *w, const struct tmv_error *err)
{
    struct retry_home home;

    if (!retry_read_home(err->detail, &home) || home.epoch <= w->followed_epoch)
        return false;
    routes_learn(w->router, &w->what.stream->tenant, home.store_id, home.epoch);
    w->followed = true;
    w->followed_epoch = home.epoch;
    w->route = (struct route){.state = TMV_ROUTING_MIGRATED, .epoch = home.epoch};
    text_copy(w->route.store_id, sizeof w->route.store_id, home.store_id);
    w->pinned = true;
    return true;
}

/* Whether a refusal shows that an earlier try, whose answer was lost, cannot commit any more: it would meet
 * the same version or id in a unique index. Where the time is part of those indexes, another writer's version
 * proves nothing. */
static bool refusal_is_proof(const struct tmv_error *err, const struct store_shape *shape)
{
    return err->code == TMV_ERR_DUPLICATE || (err->code == TMV_ERR_VERSION && !shape->partitioned);
}

/* An answer was lost earlier and the repetition was refused. True when the append is found to have happened.
 */
static bool resolve(struct write *w, struct tmv_error *err)
{
    struct pooled *pooled = NULL;
    struct tmv_error why;
    bool found = false;
    bool proven = false;

    if (pool_acquire(w->router, w->route.store_id, w->deadline_us + ANSWER_GRACE_US, &pooled, &why)) {
        proven =
            store_find_appended(pooled->conn, pooled->store->shape, &w->what, &found, &w->appended, &why) &&
            refusal_is_proof(err, pooled->store->shape);
        pool_release(w->router, pooled);
    }
    if (found)
        return true;
    if (proven)
        return false;
    err_wrap(err, "the answer to an earlier try was lost, and it could not be found out whether it happened");
    err->code = TMV_ERR_UNKNOWN;
    return err_hint(err, "ask whether the events exist, by their ids, before repeating");
}

/* The last try may have been ended by the clock; what held the earlier ones is what the caller wants to know.
 */
static bool give_up(struct write *w, struct tmv_error *err)
{
    if (w->unsure && err->code != TMV_ERR_UNKNOWN)
        return resolve(w, err);
    if (err_is_sqlstate(err, "57014") && w->refusal.code != TMV_OK)
        *err = w->refusal;
    if (err->code == TMV_ERR_CLOSED || err->code == TMV_ERR_MOVED) {
        err_wrap(err, "still held after %lld ms", (long long)((clock_now_us() - w->began_us) / US_PER_MS));
        err->code = TMV_ERR_CLOSED;
    }
    if (err_is_sqlstate(err, "57014"))
        err->code = TMV_ERR_TIMEOUT;
    return false;
}

/* What to do after a failed try: true to try again; false when `*ret_ok` and `err` are the outcome. */
static bool try_again(struct write *w, bool *ret_ok, struct tmv_error *err)
{
    enum retry_action action = retry_decide(err, w->what.expected, w->unsure);
    const struct tmv_uuid *tenant = &w->what.stream->tenant;

    if (err->code == TMV_ERR_UNKNOWN)
        w->unsure = w->pinned = true;
    if (action == RETRY_GIVE_UP || action == RETRY_RESOLVE) {
        *ret_ok = action == RETRY_RESOLVE && resolve(w, err);
        return false;
    }
    w->tries++;
    if (action == RETRY_FOLLOW && !follow(w, err)) {
        action = RETRY_LATER;
        w->pinned = w->unsure;
        routes_forget(w->router, tenant);
    }
    if (err->code == TMV_ERR_CLOSED || err->code == TMV_ERR_MOVED)
        w->refusal = *err;
    if (w->refusal.code != TMV_OK || err_is_sqlstate(err, "40001"))
        w->held = true;
    if (action == RETRY_LATER && !router_pause(w->router, w->tries, w->deadline_us)) {
        *ret_ok = give_up(w, err);
        return false;
    }
    if (clock_now_us() < w->deadline_us)
        return true;
    *ret_ok = give_up(w, err);
    return false;
}

static void count(struct write *w, struct tmv_append_result *ret_result)
{
    struct tmv_router_stats *stats = &w->router->stats;
    int64_t took = clock_now_us() - w->began_us;

    text_copy(ret_result->store_id, sizeof ret_result->store_id, w->route.store_id);
    ret_result->version = w->appended.version;
    ret_result->position = w->appended.position;
    ret_result->retries = w->tries;
    ret_result->held_us = took;
    pthread_mutex_lock(&w->router->lock);
    stats->appends++;
    stats->redirected += w->followed;
    stats->held += w->held;
    if (w->held && took > stats->longest_held_us)
        stats->longest_held_us = took;
    pthread_mutex_unlock(&w->router->lock);
}

bool tmv_router_append(struct tmv_router *router, const struct tmv_append *append,
                       struct tmv_append_result *ret_result, struct tmv_error *err)
{
    int64_t now = clock_now_us();
    struct write w = {.router = router,
                      .what = {.stream = append->stream, .expected = append->expected_version},
                      .began_us = now,
                      .deadline_us = now + router->timeout_us};
    bool ok;

    *ret_result = (struct tmv_append_result){0};
    ok = prepare_events(&w, append, err);
    if (ok)
        while (!(ok = try_once(&w, err)) && try_again(&w, &ok, err))
            continue;
    if (ok)
        count(&w, ret_result);
    if (ok && w.appended.copy)
        dual_write_mirror(router, &append->stream->tenant, &w.route, w.source_shape, w.appended.copy);
    free(w.appended.copy);
    free(w.events);
    return ok;
}

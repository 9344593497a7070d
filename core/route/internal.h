/* What the files of the router share. Everything mutable in these structs is guarded by router->lock, except
 * a pooled connection, which belongs to whoever acquired it, and a shape, which never changes once it is set.
 */
#pragma once

#include <pthread.h>

#include "lib/clock.h"
#include "lib/stop.h"
#include "store/events.h"
#include "tenantmv/router.h"

struct route_store;

/* A connection of a store's pool. */
struct pooled {
    struct pgx_conn *conn;     /* owned */
    struct route_store *store; /* borrowed; holds a reference */
    int64_t limit_ms;          /* statement_timeout of the session */
    struct pooled *next;       /* in the idle list */
};

/* A store that the router knows, and its pool. */
struct route_store {
    struct tmv_store_info info;
    bool registered;                    /* by the caller: wins over the registry */
    bool retired;                       /* unregistered or replaced: nobody new gets it */
    bool asked;                         /* registered: the registry was asked which database the name means */
    struct tmv_store_identity identity; /* which database it must be; empty: any */
    struct store_shape *shape;          /* owned; NULL until a connection discovered it */
    struct pooled *idle;
    int idle_count;
    int open_count;              /* idle, in use, and being opened */
    int wanted;                  /* connections that the keeper shall have open */
    int64_t warm_after_us;       /* keeper: not before, after a failure */
    struct tmv_uuid warm_tenant; /* who is moving there: its guard is warmed up with the sessions */
    struct route_store *next;
};

/* Where the calls of a tenant go; handed out by value. */
struct route {
    char store_id[TMV_NAME_MAX];
    enum tmv_routing_state state;
    struct tmv_uuid migration;    /* nil: none is active */
    char target_id[TMV_NAME_MAX]; /* of that migration */
    int64_t epoch;                /* placement epoch that the store was named with, by the source or by the
                                     control database after the source's decision; 0: not known */
    int64_t mirror_epoch;         /* owner epoch of the target's applied row; 0: not known */
    int64_t mirror_after_us;      /* no mirror before this, after a failure */
};

struct route_entry {
    struct tmv_uuid tenant;
    struct route route;
    bool known;   /* route was loaded or learned once */
    bool fresh;   /* no change was announced since */
    bool loading; /* somebody looks it up: others wait for that */
    bool opening; /* somebody opens the new home's fence, or did */
    bool paused;  /* tmv_router_pause_writes */
    int64_t loaded_at_us;
    int64_t placed_at_us; /* when its placement epoch was heard of; 0: never, or it did not hold */
    struct route_entry *next;
};

#define ROUTE_BUCKETS 1024
struct tmv_router {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a connection came back, a pause ended, control is free */
    pthread_cond_t work;    /* for the keeper */
    struct stop stop;       /* raised by close */
    bool closing;
    char *control_conninfo;           /* owned */
    char default_store[TMV_NAME_MAX]; /* "" none */
    char role[64];                    /* at every store; "" none is prescribed */
    int pool_size;
    int64_t timeout_us;
    bool dual_write;

    struct pgx_conn *control; /* owned; used by whoever set control_busy */
    bool control_busy;
    bool control_away;              /* it failed, and nobody has reached it since */
    int64_t control_after_us;       /* not before, after a failure */
    struct tmv_error control_error; /* that failure */

    struct route_entry *routes[ROUTE_BUCKETS];
    int64_t generation; /* grows with every announcement, so that a lookup that raced one is not kept */
    bool listening;
    bool stale_routes;   /* keeper: known routes are to be loaded again */
    bool warm_wanted;    /* keeper: a store wants connections */
    bool stale_registry; /* keeper: the registry is to be read again */
    struct route_store *stores;
    struct tmv_router_stats stats;
    pthread_t listener, keeper;
};

/* ---- waiting ---- */

/* Waits for `changed` until the deadline; false when it passed. The lock is held before and after. */
bool router_wait(struct tmv_router *router, int64_t deadline_us);
/* A pause between two tries, counted as a waiting writer. False when the deadline passes or the router
 * closes. */
bool router_pause(struct tmv_router *router, int attempt, int64_t deadline_us);

/* ---- routes.c ---- */

/* The route of a tenant: from the cache, else from the control database; an outdated one while that is away,
 * or for a second after a decision named it. */
TMV_NODISCARD bool routes_get(struct tmv_router *router, const struct tmv_uuid *tenant, int64_t deadline_us,
                              struct route *ret_route, struct tmv_error *err);
/* A store said that the tenant lives elsewhere. */
void routes_learn(struct tmv_router *router, const struct tmv_uuid *tenant, const char *store_id,
                  int64_t epoch);
/* A change was announced: of one tenant, or of all when NULL. The keeper looks them up, or the next call. */
void routes_outdate(struct tmv_router *router, const struct tmv_uuid *tenant);
/* What is known does not hold: of one tenant, or of all when NULL. The next call looks it up. */
void routes_forget(struct tmv_router *router, const struct tmv_uuid *tenant);
/* True for one caller of each placement, some time after it was heard of: that one opens the new home's
 * fence, in case the engine did not. */
bool routes_claim_opening(struct tmv_router *router, const struct tmv_uuid *tenant, int64_t epoch);
/* What a mirror found out, kept for the tenant's next one. */
void routes_note_mirror(struct tmv_router *router, const struct tmv_uuid *tenant, int64_t epoch,
                        int64_t after_us);
/* For the keeper: loads known routes again that an announcement outdated. */
void routes_refresh(struct tmv_router *router);
/* For the keeper: asks for connections to the targets of running migrations. */
void routes_want_targets(struct tmv_router *router);
/* The tenant's entry, made when missing; NULL: no memory. The lock is held. */
struct route_entry *routes_entry(struct tmv_router *router, const struct tmv_uuid *tenant);
void routes_release(struct tmv_router *router);

/* ---- control.c ---- */

/* The connection to the control database, for one caller at a time; give it back with router_control_end. */
TMV_NODISCARD bool router_control_begin(struct tmv_router *router, int64_t deadline_us,
                                        struct pgx_conn **ret_conn, struct tmv_error *err);
void router_control_end(struct tmv_router *router);
/* For the keeper: tries to reach it when it was away; true when it is back. */
bool router_control_probe(struct tmv_router *router);
/* Runs a statement on it. */
TMV_NODISCARD bool router_control_query(struct tmv_router *router, int64_t deadline_us, const char *sql,
                                        struct pgx_args args, struct pgx_result **ret_result,
                                        struct tmv_error *err);

/* ---- pool.c ---- */

/* A connection to a store: an idle one, or a new one when the pool allows; else waits. Its statements are
 * limited to the time that is left. NOT_FOUND when nobody knows the store, TIMEOUT when none comes free. */
TMV_NODISCARD bool pool_acquire(struct tmv_router *router, const char *store_id, int64_t deadline_us,
                                struct pooled **ret_pooled, struct tmv_error *err);
/* Gives it back; closes it when it is broken. */
void pool_release(struct tmv_router *router, struct pooled *pooled);
/* Asks the keeper to have as many warm connections to the target of a route as are open to its source, before
 * they are needed. */
void pool_want_target(struct tmv_router *router, const struct tmv_uuid *tenant, const struct route *route);
/* Opens one wanted connection and warms it up; false when none is wanted now. For the keeper. */
bool pool_warm_one(struct tmv_router *router);
void pool_release_all(struct tmv_router *router);
/* Adds a store; the lock is held. One of that name is to be retired by the caller. NULL: no memory. */
struct route_store *pool_add_store(struct tmv_router *router, const struct tmv_store_info *info,
                                   bool registered);
/* Closes what retired stores have idle; the lock is held. The store itself stays until the router closes,
 * because a mirror may still read its shape. */
void pool_sweep(struct tmv_router *router);

/* ---- registry.c ---- */

/* A store as the registry has it. NOT_FOUND; else the control database's errors. */
TMV_NODISCARD bool registry_load(struct tmv_router *router, const char *id, int64_t deadline_us,
                                 struct tmv_store_info *ret_info, struct tmv_error *err);
/* Which database connections of a store must lead to; empty: any. Asks the registry at most once for a store
 * of the caller's own. */
TMV_NODISCARD bool registry_identity(struct tmv_router *router, struct route_store *store,
                                     int64_t deadline_us, struct tmv_store_identity *ret_identity,
                                     struct tmv_error *err);
/* For the keeper: reads the registry again and leaves stores that it has otherwise now. */
void registry_refresh(struct tmv_router *router);

/* ---- dual_write.c ---- */

/* Whether an append on this route shall hand out a copy for the mirror. */
bool dual_write_is_due(const struct tmv_router *router, const struct route *route);
/* Writes what the source committed to the target too. Best effort: failures are counted, the tail repairs
 * them. */
void dual_write_mirror(struct tmv_router *router, const struct tmv_uuid *tenant, const struct route *route,
                       const struct store_shape *source, const char *copy);

/* ---- watch.c ---- */

void *router_listener(void *arg);
void *router_keeper(void *arg);

/* TenantStoreRouter: an event store whose every call goes to the store where the tenant lives now.
 *
 * Routes come from tenant_routing, are cached, and are corrected by the database itself: a store that a
 * tenant has left answers TM001 with the new home, and the router repeats the write there, so that its
 * callers see no failure. During dual write it also writes the target (source first and authoritative, target
 * best effort; what it misses the tail repairs).
 *
 * Any number of threads may use one router. Each call takes a connection of the store from a pool and may
 * block for it. No try begins after options.timeout_us, the server ends a statement that outlives it, and a
 * write takes up to a second more only to learn what became of it. A server that stops answering altogether
 * is waited for longer: up to 2 s (control database), 5 s (a new connection) or 10 s (a read).
 *
 * Errors of every call: those that append and the reads share. NOT_FOUND (the tenant has no route and there
 * is no default store, or the registry does not know the store), UNREACHABLE (a store, or the control
 * database when the route is not known; tried again until timeout_us, unless the server refused the role or
 * the database), TIMEOUT (no connection came free, or no answer in time; SQL 57014 when the server ended a
 * read), REFUSED (another database than the store's identity says, no events table, a pooler, a control
 * schema older than this program), SQL with the server's SQLSTATE, NOMEM, IO, INTERNAL (the routing row has a
 * state that only a newer program knows).
 *
 * Cannot fail: every function that takes no `err`.
 */
#pragma once

#include "tenantmv/control.h"

struct tmv_router;

struct tmv_router_options {
    const char *control_conninfo; /* borrowed for the call */
    const char
        *default_store; /* where tenants without a routing row live; NULL: such a tenant is NOT_FOUND */
    const char *role;   /* as whom to connect to every store, whatever its registered string says (its
                           password comes from PGPASSWORD, ~/.pgpass or a service file); NULL: see
                           tmv_store_own_role. Borrowed for the call */
    int connections_per_store; /* pool size; 0: 8 */
    int64_t timeout_us;        /* bound of one call, held writes included; 0: 10 s */
    bool dual_write;           /* write the target too during dual write; default false */
};
/* Opens a router and starts its two threads. Does not connect: a control database that is away is reported by
 * the first call that needs it. The caller owns *ret_router and ends it with tmv_router_close. Errors: USAGE
 * (the connection string; a name that is too long), NOMEM, IO (no thread, no descriptor). */
TMV_API TMV_NODISCARD bool tmv_router_open(const struct tmv_router_options *options,
                                           struct tmv_router **ret_router, struct tmv_error *err);
/* Ends the threads, closes all connections and frees the router; NULL is fine. No call may be running. Every
 * wait of the threads ends when this is called; only name resolution may delay it. */
TMV_API void tmv_router_close(struct tmv_router *router);

/* Stores are known from the registry; this overrides it for this router: how a store is reached and as whom
 * (store->role, else the router's), not which database it is. One that the registry knows by this name leads
 * to the registered database, or connections are REFUSED. Replaces what was registered here under the name;
 * calls that run keep their connection. Registering asks the control database which database it is, and may
 * block as long as a call; when it cannot be asked, the first connection asks. Errors: USAGE (no name, or the
 * connection string), NOMEM; nothing is registered then. */
TMV_API TMV_NODISCARD bool tmv_router_register_store(struct tmv_router *router,
                                                     const struct tmv_store_info *store,
                                                     struct tmv_error *err);
/* Takes back what tmv_router_register_store registered; the registry holds again for that name. False when
 * nothing was registered under it. Does not block. */
TMV_API bool tmv_router_unregister_store(struct tmv_router *router, const char *store_id);
/* All stores of the registry, by id; what is registered here replaces its namesake or comes last. The caller
 * frees *ret_stores with free(). Errors: those of the control database: UNREACHABLE, TIMEOUT, REFUSED (its
 * schema), SQL, NOMEM, IO. */
TMV_API TMV_NODISCARD bool tmv_router_list_stores(struct tmv_router *router,
                                                  struct tmv_store_info **ret_stores, size_t *ret_count,
                                                  struct tmv_error *err);

/* One event to append. Strings are borrowed for the call. */
struct tmv_new_event {
    struct tmv_uuid id;  /* nil: a random one is made */
    const char *type;    /* ≤ 255 bytes */
    const char *actor;   /* NULL: none */
    const char *payload; /* JSON object, the whole event as eventsource-py stores it */
    /* Microseconds since 1970. 0: now, by the database; by this machine where the table is partitioned by
     * time, so that a repetition after a lost answer meets the same row. */
    int64_t timestamp_us;
};
struct tmv_stream {
    struct tmv_uuid tenant;
    struct tmv_uuid aggregate;
    const char *aggregate_type; /* ≤ 255 bytes; borrowed */
};
/* What the stream must look like: a version ≥ 0 exactly, or one of these. */
#define TMV_EXPECT_ANY (-1)
#define TMV_EXPECT_NO_STREAM (-2)
#define TMV_EXPECT_STREAM_EXISTS (-3)

/* One append. Everything is borrowed for the call. */
struct tmv_append {
    const struct tmv_stream *stream;
    int64_t expected_version;           /* a version, or TMV_EXPECT_… */
    const struct tmv_new_event *events; /* in order */
    size_t count;                       /* at least 1 */
};
struct tmv_append_result {
    int64_t version;             /* of the last event appended */
    int64_t position;            /* global position of the first event */
    char store_id[TMV_NAME_MAX]; /* the store that took it */
    int retries;                 /* times the write was redirected or repeated */
    int64_t held_us;             /* time from the call until the store took the write */
};
/* Appends all events or none, in one transaction of the store. A write that is refused because the tenant
 * moves is held and repeated. During dual write the mirror follows the commit: a target that does not answer
 * delays the return (250 ms a statement, then no mirror for a second) and never fails it. *ret_result is all
 * zero after an error.
 *
 * Errors: VERSION (the expectation does not hold, or another writer won), DUPLICATE (an event id exists),
 * CLOSED (still held after timeout_us, by a cutover or tmv_router_pause_writes), USAGE (no events, no type or
 * payload, or a value that the table cannot hold), NOMEM also for more than 256 MiB, UNKNOWN (the answer was
 * lost and it could not be found out whether the events are stored: ask by their ids, then repeat with the
 * same ids), and those of every call. After every error but UNKNOWN nothing is stored. */
TMV_API TMV_NODISCARD bool tmv_router_append(struct tmv_router *router, const struct tmv_append *append,
                                             struct tmv_append_result *ret_result, struct tmv_error *err);

/* One stored event; strings belong to the list. */
struct tmv_event {
    struct tmv_uuid id;
    struct tmv_uuid aggregate;
    struct tmv_uuid tenant;
    int64_t position;
    int64_t version;
    int64_t timestamp_us;
    int64_t created_at_us;
    char *aggregate_type;
    char *type;
    char *actor;   /* NULL: none */
    char *payload; /* JSON */
};
struct tmv_event_list {
    size_t count;
    struct tmv_event *events;
};
/* Frees what a list holds, not the struct, and leaves an empty list; NULL is fine. Any thread. */
TMV_API void tmv_event_list_free(struct tmv_event_list *list);

/* Events of one stream with version > after_version, in order, at most `limit` (1 … 10000); none when the
 * stream does not exist. A read goes to the store of the tenant's route as it is known. The caller frees the
 * list with tmv_event_list_free. Errors: USAGE (`limit`), and those of every call; the list is empty then. */
TMV_API TMV_NODISCARD bool tmv_router_read_stream(struct tmv_router *router, const struct tmv_stream *stream,
                                                  int64_t after_version, int limit,
                                                  struct tmv_event_list *ret_list, struct tmv_error *err);
/* Which part of a tenant's feed. */
struct tmv_feed {
    struct tmv_uuid tenant;
    const char *aggregate_type; /* NULL: all; borrowed */
    int64_t after_position;     /* positions above this one */
    int limit;                  /* 1 … 10000 */
};
/* The tenant's feed in order of position, behind the feed horizon: rows whose transaction may still be
 * overtaken are left out, as eventsource-py does. The caller frees the list with tmv_event_list_free. Errors:
 * USAGE (feed->limit), and those of every call; the list is empty then. */
TMV_API TMV_NODISCARD bool tmv_router_read_all(struct tmv_router *router, const struct tmv_feed *feed,
                                               struct tmv_event_list *ret_list, struct tmv_error *err);
/* Version of the last event of a stream; 0 when it does not exist. Errors: those of every call. */
TMV_API TMV_NODISCARD bool tmv_router_stream_version(struct tmv_router *router,
                                                     const struct tmv_stream *stream, int64_t *ret_version,
                                                     struct tmv_error *err);
/* Whether the tenant's store holds an event with this id: what to ask after UNKNOWN. No is an answer, and
 * only final when the transaction that may have written it has ended. Errors: those of every call. */
TMV_API TMV_NODISCARD bool tmv_router_event_exists(struct tmv_router *router, const struct tmv_uuid *tenant,
                                                   const struct tmv_uuid *event_id, bool *ret_exists,
                                                   struct tmv_error *err);

/* Holds the tenant's writes inside this router (the database's guard is the real one; this is for
 * maintenance). Writers wait up to their timeout, then get CLOSED; a write that is under way is not held.
 * Does not block. Without memory for a tenant that this router never saw, nothing is held. */
TMV_API void tmv_router_pause_writes(struct tmv_router *router, const struct tmv_uuid *tenant);
/* Ends the pause of tmv_router_pause_writes: writers that wait continue. Fine without a pause. Does not
 * block. */
TMV_API void tmv_router_resume_writes(struct tmv_router *router, const struct tmv_uuid *tenant);

struct tmv_router_stats {
    int64_t appends, redirected, held, dual_writes, dual_write_failures;
    int waiting_writers; /* now */
    int64_t longest_held_us;
};
/* Figures since the router was opened. Does not block. */
TMV_API void tmv_router_get_stats(struct tmv_router *router, struct tmv_router_stats *ret_stats);

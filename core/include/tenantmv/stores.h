/* The servers behind the stores, as an operator looks at them: who they are, how busy, how full, what their
 * guards turned away.
 *
 * Engines look, every two seconds, and write what they saw into the control database; a console without an
 * engine does the same when its role has an engine's rights. A watcher reads it there and needs neither a
 * role nor a way to a store. What an engine's role may not see is "unknown".
 */
#pragma once

#include "tenantmv/control.h"

struct tmv_store_look {
    char place[200];       /* dbname at host:port as user; "" when it was not reached */
    int server_version;    /* 150018 */
    bool standby;          /* in recovery: it takes no writes at all */
    bool read_only;        /* default_transaction_read_only */
    bool guard_ready;      /* the schema tenantmv exists */
    int64_t answer_us;     /* round trip of an empty statement */
    int64_t started_at_us; /* of the server, since 1970 by its clock */
    int64_t now_us;        /* its clock */
    int connections;       /* of clients, all databases */
    int connections_max;   /* max_connections */
    int connections_ours;  /* of those, tenantmv's own */
    int64_t oldest_us; /* age of the oldest open transaction in this database; -1 none, or not to be seen */
    int oldest_pid;    /* whose it is */
    char oldest_who[160];    /* role and application */
    int standbys;            /* that stream from it */
    bool synchronous;        /* a commit waits for one of them */
    int64_t replay_us;       /* the slowest standby's replay, or this standby's own age; -1 unknown or none */
    int64_t replay_bytes;    /* WAL that the slowest standby has not replayed; -1 unknown or none */
    int64_t database_bytes;  /* size of the database */
    int64_t events_bytes;    /* of the events table with its indexes and partitions; -1 there is none */
    int64_t disk_free_bytes; /* where its data lies, only for a server on this machine; else -1 */
    int64_t disk_bytes;      /* size of that file system; -1 unknown */
    int64_t commits;         /* in this database since its statistics began */
    int fences_open;         /* tenants whose writes the guard watches */
    int fences_shut;         /* closed or armed: a cutover is under way */
    int fences_moved;        /* tenants that live elsewhere now */
    int64_t rejected;        /* writes that guards turned away since the schema was made; -1 unknown */
};

/* A store as engines last saw it. Times are of this machine's monotonic clock. */
struct tmv_store_observation {
    char id[TMV_NAME_MAX];
    bool seen;                  /* an engine has reached it: `look` holds its newest facts */
    struct tmv_store_look look; /* figures -1 or 0 until then */
    int64_t looked_us;          /* when these were true */
    char seen_by[TMV_NAME_MAX]; /* the engine that saw them */
    bool failing; /* the newest look of some engine failed; another one's may have worked meanwhile */
    int64_t failed_us, failing_since_us;
    char failed_by[TMV_NAME_MAX]; /* that engine */
    char why[TMV_REASON_MAX], hint[TMV_REASON_MAX];
    bool engine_runs; /* some engine gave a sign of life: what is not known will be */
};
/* All registered stores, by id. Connects to none of them. What is older than TMV_FACT_TTL_US
 * (tenantmv/snapshot.h) is the past: show it with its age or not at all. The caller frees *ret_stores.
 * Errors: those of every call. */
TMV_API TMV_NODISCARD bool tmv_store_observations(struct tmv_control *control,
                                                  struct tmv_store_observation **ret_stores,
                                                  size_t *ret_count, struct tmv_error *err);

struct tmv_store_watch;
/* Looks at the stores and writes what it sees, as an engine does, in a program that runs no engine. `name` is
 * shown as who saw it. Both texts are copied. Does not wait for the control database: one that is away, or a
 * role without an engine's rights, is tried again every second. The caller owns *ret_watch. Errors: NOMEM, IO
 * (no thread, no descriptor); nothing runs then. */
TMV_API TMV_NODISCARD bool tmv_store_watch_start(const char *control_conninfo, const char *name,
                                                 struct tmv_store_watch **ret_watch, struct tmv_error *err);
/* Ends it and frees. Every wait ends when this is called, but for a name that is being resolved. NULL is
 * fine. From the thread that started it. Cannot fail. */
TMV_API void tmv_store_watch_stop(struct tmv_store_watch *watch);

/* How many tenants routing sends to a store. */
struct tmv_store_tenants {
    char id[TMV_NAME_MAX];
    int64_t tenants;
};
/* Counts the tenants of every store that has any, by id. The caller frees *ret_counts with free(). Errors:
 * those of every call on a control handle (tenantmv/control.h). */
TMV_API TMV_NODISCARD bool tmv_store_tenants(struct tmv_control *control,
                                             struct tmv_store_tenants **ret_counts, size_t *ret_count,
                                             struct tmv_error *err);

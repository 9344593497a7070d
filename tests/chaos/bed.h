/* What a chaos run stands on: one source database, tenants each with a target database of its own, a
 * neighbour who never moves, a history, and workers (`tenantmv worker`) as processes of their own that are
 * killed, stopped and started again.
 *
 * Several beds may live at the same time, each in a process of its own, on the same two clusters.
 */
#pragma once

#include <sys/types.h>

#include "demo/cluster.h"
#include "support/history.h"
#include "tenantmv/control.h"
#include "tenantmv/snapshot.h"

#define BED_TENANTS_MAX 64
#define BED_WORKERS_MAX 4
#define BED_FAULT_EXIT 86 /* exit code of a process that a fault point ended */

struct bed_tenant {
    struct tmv_uuid id, migration; /* migration: the latest one; nil none */
    char text[TMV_UUID_TEXT];
    size_t number; /* in the history */
    struct tmv_store_info target;
    struct pgx_conn *on_target; /* owned */
    bool hold;                  /* its old store is kept current after the move */
};

struct bed_worker {
    pid_t pid;       /* 0: none */
    bool stopped;    /* by SIGSTOP */
    int exit_code;   /* of one that ended by itself; -1 not yet */
    char log[300];   /* its standard error */
    char trace[300]; /* the fault points that it reached */
};

struct bed {
    bool partitioned; /* its events tables are */
    struct history *history;
    struct tmv_store_info source;
    char control[CLUSTER_CONNINFO_MAX];
    char workers_control[CLUSTER_CONNINFO_MAX]; /* the same as the workers reach it: perhaps a proxy */
    struct tmv_control *handle;
    struct pgx_conn *on_control, *on_source;
    struct bed_tenant tenants[BED_TENANTS_MAX];
    size_t tenant_count;
    struct tmv_uuid neighbour;
    size_t neighbour_number;
    struct bed_worker workers[BED_WORKERS_MAX];
    int64_t waived; /* a bit for each rule of the history's that the case itself breaks */
    bool crashed;   /* a server did: it leaves its sessions' temporary tables to autovacuum */
    int databases;  /* made so far, for their names */
};

struct bed_options {
    bool elsewhere;   /* the control database is not the source's */
    bool empty;       /* nobody has ever written to the source */
    bool partitioned; /* both events tables are */
    int streams;      /* of each tenant before anything moves, ten events each */
};

/* Once for the program, before anything forks: clusters with databases to copy from. `durable`: fsync on. */
void beds_prepare(bool durable);

void bed_open(struct bed *bed, const struct bed_options *options);
/* Drops the bed's own connections, and opens them again: around a server's crash. */
void bed_disconnect(struct bed *bed);
void bed_connect(struct bed *bed);
/* Adds a tenant with a history and a target of its own. */
struct bed_tenant *bed_add_tenant(struct bed *bed, int streams);
/* Ends the workers and removes the databases. */
void bed_close(struct bed *bed);

/* Starts a migration; false when it is refused. */
bool bed_begin(struct bed *bed, struct bed_tenant *tenant);
/* Asks for an operation; a refusal is ignored, the caller asks again. */
void bed_ask(struct bed *bed, const struct bed_tenant *tenant, enum tmv_operation operation);
/* Whether a condition over m (tenant_migrations), s (migration_state), l (lease, may be null) holds. */
bool bed_is(struct bed *bed, const struct bed_tenant *tenant, const char *condition);
/* What stands there about a migration, in a line; the caller frees it. */
char *bed_describe(struct bed *bed, const struct bed_tenant *tenant);

/* Starts worker `number`; faults and mutant may be NULL. */
void bed_start_worker(struct bed *bed, int number, const char *faults, const char *mutant);
/* Looks what became of the workers. */
void bed_watch_workers(struct bed *bed);
/* Ends them in the ordinary way (SIGTERM), a stopped one after it was continued. False when one does not end.
 */
bool bed_end_workers(struct bed *bed);
void bed_kill_worker(struct bed *bed, int number);
bool bed_reached(const struct bed_worker *worker, const char *point);

/* Reads the stores and judges everything. The writers and workers have ended. */
void bed_judge(struct bed *bed, struct history_report *report);
/* One tenant only; its writers have ended. */
void bed_judge_tenant(struct bed *bed, const struct bed_tenant *tenant, struct history_report *report);
/* Everything that a late engine must not change, hashed; the caller frees it. */
char *bed_fingerprint(struct bed *bed);

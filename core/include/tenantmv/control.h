/* The control database: its schema, the stores registry, and every operation that a person or a program may
 * ask for.
 *
 * Nothing here runs a migration: operations are rows that the owning engine (tenantmv/engine.h) carries out.
 *
 * A `struct tmv_control` is one connection, used by one thread at a time; other handles may be used
 * meanwhile. A call is one statement unless it says more, and waits up to 10 s for each; a screen calls from
 * a thread of its own. Functions that take no handle may be called from any thread. Those that connect by
 * themselves wait up to 10 s for that too, and name resolution, which libpq does, has no bound.
 *
 * Errors of every call that takes a handle: UNREACHABLE (the connection is lost), TIMEOUT (no answer in 10
 * s), SQL with the server's SQLSTATE (42501: the role lacks a right; 57014: the server ended the statement),
 * NOMEM, IO. After UNREACHABLE and TIMEOUT the handle is of no use: close it and open another. Whether a
 * change was made is not known then: look before you repeat it. After every other error nothing was changed.
 * A call that changes something is REFUSED on a handle that was opened read only. Outputs are left as they
 * were.
 *
 * Errors of every call that connects by itself: USAGE (the connection string, see tmv_conninfo_check),
 * UNREACHABLE (with the SQLSTATE when the server refused), REFUSED (a connection pooler, a server older than
 * PostgreSQL 13), TIMEOUT, SQL, NOMEM, IO.
 *
 * Cannot fail: every function that takes no `err`.
 */
#pragma once

#include "tenantmv/types.h"

#define TMV_NAME_MAX 256 /* store ids, operators */
#define TMV_CONNINFO_MAX 1024
#define TMV_REASON_MAX 400
#define TMV_PATH_MAX 256
#define TMV_QUERY_MAX 1000
#define TMV_NAMES_MAX 16

struct tmv_control;

/* Checks a connection string (key=value, URI or "service=…") without connecting. Does not block. Errors:
 * USAGE when it is not one or carries a password (the message never repeats the string), NOMEM. The syntax is
 * libpq's (PostgreSQL documentation, "Connection Strings"). */
TMV_API TMV_NODISCARD bool tmv_conninfo_check(const char *conninfo, struct tmv_error *err);

/* The role that a connection string names, "" when it names none. Returns whether the string decides it, by
 * itself or by a service; otherwise every process connects as its own role (tmv_store_own_role). Does not
 * block. */
TMV_API bool tmv_conninfo_user(const char *conninfo, char user[64]);

/* Opens the control database named by a libpq connection string. The caller closes *ret_control with
 * tmv_control_close, also after errors of later calls. Connects, then two statements. Errors: REFUSED when
 * the schema is missing or older (hint: `tenantmv init`) or from a newer program, and those of every call
 * that connects by itself. */
TMV_API TMV_NODISCARD bool tmv_control_open(const char *conninfo, struct tmv_control **ret_control,
                                            struct tmv_error *err);
/* As tmv_control_open, but every transaction is read only: for watchers. Errors: the same. */
TMV_API TMV_NODISCARD bool tmv_control_open_read_only(const char *conninfo, struct tmv_control **ret_control,
                                                      struct tmv_error *err);
/* Closes the connection and frees the handle; NULL is fine. Does not block. */
TMV_API void tmv_control_close(struct tmv_control *control);

/* What a role may do in a control database. */
struct tmv_rights {
    char role[64];
    bool may_request;           /* ask for operations; false: it can only look */
    bool may_run;               /* run migrations, as an engine does */
    char lacks[TMV_REASON_MAX]; /* what it lacks for that, in words, the last of which may be "and 3 more"; ""
                                   nothing */
    char grants[6000]; /* the same as statements for the owner of the tables, one a line, all of them */
};
/* Asks the catalogue of the control database what the role of this connection string may do there; also when
 * it may not even read. Connects by itself, then two statements. Errors: those of every call that connects by
 * itself; *ret_rights is all zero, or as it was, then. */
TMV_API TMV_NODISCARD bool tmv_control_rights(const char *conninfo, struct tmv_rights *ret_rights,
                                              struct tmv_error *err);

/* The same of the role that this handle has, over its connection: two statements. Errors: those of every
 * call; *ret_rights is all zero then. */
TMV_API TMV_NODISCARD bool tmv_control_own_rights(struct tmv_control *control, struct tmv_rights *ret_rights,
                                                  struct tmv_error *err);
/* Whether the role may run migrations: REFUSED when not, with what it lacks. No other error. Does not block.
 */
TMV_API TMV_NODISCARD bool tmv_rights_check(const struct tmv_rights *rights, struct tmv_error *err);

/* Creates or upgrades the four shared tables and the schema `tenantmv` in one transaction; doing it again
 * changes nothing. Connects by itself; up to eight statements, each up to 10 s. Errors: REFUSED (the schema
 * is from a newer program), SQL 42501 (the hint names the GRANT), SQL 55P03 (a table is locked for more than
 * 3 s), UNKNOWN (the answer to the commit was lost: do it again), and those of every call that connects by
 * itself. After every error but UNKNOWN nothing was changed. */
TMV_API TMV_NODISCARD bool tmv_control_init(const char *conninfo, struct tmv_error *err);
/* Makes or repairs a role that may read the control database and change nothing in it, also when it turns
 * read-only transactions off. Connects by itself; six statements, four of them in one transaction. Errors:
 * USAGE (no name for a role), REFUSED (the role has rights from elsewhere with which it could write, or the
 * schema does not fit), SQL 42501 (needs the owner of the tables), UNKNOWN (the answer to the commit was
 * lost: do it again), and those of every call that connects by itself. After every error but UNKNOWN nothing
 * was changed.
 */
TMV_API TMV_NODISCARD bool tmv_control_read_only_role(const char *conninfo, const char *role,
                                                      struct tmv_error *err);

/* Who asks, and from where; stored with a command and in the audit. */
struct tmv_actor {
    char name[TMV_NAME_MAX]; /* "amy" */
    char from[TMV_NAME_MAX]; /* "bastion2 pid 4711" */
};
/* Says who uses this handle, for the audit of the registry; without it the audit names the database role.
 * Copied. Does not block. */
TMV_API void tmv_control_set_actor(struct tmv_control *control, const struct tmv_actor *actor);

/* ---- stores ---- */

/* Which database a store is. A replica that is promoted keeps all three; a restored dump, another server or
 * another database has others. */
struct tmv_store_identity {
    char system_identifier[24]; /* of the server's data directory; "" not known */
    int64_t database_oid;
    int64_t events_oid; /* of the events table; 0 not known */
};

struct tmv_store_info {
    char id[TMV_NAME_MAX];              /* name of the store, as in tenant_routing.store_id */
    char conninfo[TMV_CONNINFO_MAX];    /* libpq string or "service=…"; never a password */
    char events_schema[64];             /* schema of the events table, "public" */
    char events_table[64];              /* "events" */
    struct tmv_store_identity identity; /* every connection is refused unless it leads there; empty: any */
    char role[64]; /* as whom this process connects, never stored: it wins over the string; "" leaves it to it
                    */
};

/* Adds a store under a name that is free. An empty identity is taken at the first contact of an engine; an
 * empty schema or table means "public" and "events". Audited. Errors: USAGE (the name is empty or has spaces,
 * quotes or control characters; the connection string is empty, not valid or carries a password), REFUSED
 * (the name is taken), and those of every call. */
TMV_API TMV_NODISCARD bool tmv_store_add(struct tmv_control *control, const struct tmv_store_info *store,
                                         struct tmv_error *err);
/* Who uses a store. */
struct tmv_store_uses {
    int64_t migrations; /* running ones that name it */
    int64_t tenants;    /* that routing sends there */
};
/* Counts who uses a store; zero for one that does not exist. Errors: those of every call. */
TMV_API TMV_NODISCARD bool tmv_store_uses(struct tmv_control *control, const char *id,
                                          struct tmv_store_uses *ret_uses, struct tmv_error *err);
/* Changes how a store is reached, and, when `store` has an identity, which database it is; with an empty one
 * what was known stays. Routers hear of it and connect again. Audited. Errors: REFUSED when a route or a
 * running migration uses it, unless `in_use_too`: a person has confirmed it then; NOT_FOUND; USAGE as
 * tmv_store_add; and those of every call. */
TMV_API TMV_NODISCARD bool tmv_store_replace(struct tmv_control *control, const struct tmv_store_info *store,
                                             bool in_use_too, struct tmv_error *err);
/* Fills in store->role where the string leaves open who connects: "" when PGUSER or PGSERVICE of the
 * environment decide, else the role that this handle has at the control database, so that an engine and an
 * application each come as themselves. tmv_store_get and tmv_store_list have done it already. Does not ask
 * the database. */
TMV_API void tmv_store_own_role(const struct tmv_control *control, struct tmv_store_info *store);
/* All stores by id. The caller frees *ret_stores with free(). Errors: those of every call. */
TMV_API TMV_NODISCARD bool tmv_store_list(struct tmv_control *control, struct tmv_store_info **ret_stores,
                                          size_t *ret_count, struct tmv_error *err);
/* The store of that name. Errors: NOT_FOUND, and those of every call. */
TMV_API TMV_NODISCARD bool tmv_store_get(struct tmv_control *control, const char *id,
                                         struct tmv_store_info *ret_store, struct tmv_error *err);
/* Removes a store from the registry; its database stays as it is. Audited. Errors: REFUSED while an active
 * migration or a tenant's routing names it, NOT_FOUND, and those of every call. */
TMV_API TMV_NODISCARD bool tmv_store_remove(struct tmv_control *control, const char *id,
                                            struct tmv_error *err);

/* What a look at a store found. */
struct tmv_store_facts {
    int server_version; /* 150018 */
    bool read_only;     /* standby, or default_transaction_read_only */
    bool partitioned;
    bool has_events;  /* the events table exists and has the profile's columns */
    bool guard_ready; /* it has the schema tenantmv in this program's version */
    int columns;
    int64_t estimated_events;
    char database[64];
    char user[64];
    struct tmv_store_identity identity;
};
/* Connects to a store and looks; changes nothing. A store without a usable events table is a result. Connects
 * by itself, then some statements, each up to 10 s. Errors: REFUSED when it is another database than
 * store->identity says, USAGE also for a table's name that is too long, and those of every call that connects
 * by itself. *ret_facts is not to be used then. */
TMV_API TMV_NODISCARD bool tmv_store_check(const struct tmv_store_info *store,
                                           struct tmv_store_facts *ret_facts, struct tmv_error *err);
/* Creates the events table of the built-in profile (eventsource-py's, plain) where there is none. Connects by
 * itself, then one script. Errors: SQL 42P07 (the table exists), SQL 42501 (the hint names the GRANT),
 * REFUSED when it is another database than store->identity says, and those of every call that connects by
 * itself. After UNREACHABLE and TIMEOUT the table may exist. */
TMV_API TMV_NODISCARD bool tmv_store_create_events(const struct tmv_store_info *store, struct tmv_error *err);

/* ---- routing ---- */

struct tmv_route_info {
    struct tmv_uuid tenant;
    char store_id[TMV_NAME_MAX];
    enum tmv_routing_state state;
    struct tmv_uuid migration; /* nil when none is active */
};
/* Registers where a tenant lives, if it has no row yet; one that says the same stays as it is. Audited.
 * Errors: REFUSED when a row says that it lives elsewhere, NOT_FOUND (no such store), USAGE (the nil id), and
 * those of every call. */
TMV_API TMV_NODISCARD bool tmv_routing_register(struct tmv_control *control, const struct tmv_uuid *tenant,
                                                const char *store_id, struct tmv_error *err);
/* All routes, or the one of `tenant` when not NULL; none is a result. The caller frees *ret_routes with
 * free(). Errors: REFUSED (a row has a state that this program does not know), and those of every call. */
TMV_API TMV_NODISCARD bool tmv_routing_list(struct tmv_control *control, const struct tmv_uuid *tenant,
                                            struct tmv_route_info **ret_routes, size_t *ret_count,
                                            struct tmv_error *err);

/* ---- operations ---- */

/* A list of names of columns or tables, as PostgreSQL keeps them (no quotes). "" ends a list that is not
 * full. */
struct tmv_names {
    char name[TMV_NAMES_MAX][64];
};
/* How many there are, 0 … TMV_NAMES_MAX. Does not block; nor do the next two. */
TMV_API size_t tmv_names_count(const struct tmv_names *names);
/* Whether the list has this name. */
TMV_API bool tmv_names_contain(const struct tmv_names *names, const char *name);
/* Adds a name unless the list has it. Errors: USAGE when it is empty or longer than 63 bytes, or the list is
 * full; the list stays as it was. */
TMV_API TMV_NODISCARD bool tmv_names_add(struct tmv_names *names, const char *name, struct tmv_error *err);

/* Settings of one migration (tenant_migrations.config; the first group are eventsource-py's own keys). */
struct tmv_settings {
    int64_t batch_size;             /* events per chunk; 0: default (20,000 for us, eventsource-py: 1000) */
    int64_t max_bulk_copy_rate;     /* events/s; 0: unlimited */
    int64_t cutover_max_lag_events; /* gate: at most this many events behind; -1: no such gate */
    int64_t cutover_timeout_ms;     /* whole pause budget, 100 … 60000; default 500 */
    bool verify_consistency;        /* the HASH gate; default true */
    int copy_workers;               /* 1 … 16; default 2 */
    int64_t cutover_max_lag_ms;     /* gate; default 50 */
    int64_t lock_budget_ms;         /* default 20 */
    int64_t drain_budget_ms;        /* default 60 */
    bool keep_indexes;              /* do not drop and rebuild the target's secondary indexes */
    bool auto_cutover;              /* cut over as soon as every gate is green */
    int64_t hold_s; /* seconds for which the old store is kept current after the cutover; 0: not at all */
    int64_t max_bulk_copy_bytes; /* bytes/s; 0: unlimited */
    /* What holds the copy while it is so; nothing of it ever holds the tail or a cutover. */
    int64_t throttle_replica_lag_ms;    /* a standby of the source is further behind; 0: no matter */
    int64_t throttle_connections;       /* more sessions are active on the source; 0: no matter */
    char throttle_file[TMV_PATH_MAX];   /* this file exists on the engine's machine; "" none */
    char throttle_query[TMV_QUERY_MAX]; /* asked on the source says true, or more than the limit; "" none */
    int64_t throttle_query_limit;       /* default 0 */
    /* What the operator accepts to lose on the way; nothing of it can change once the migration has started.
     */
    struct tmv_names leave_columns;  /* columns whose values are not copied */
    struct tmv_names without_tables; /* tables of the application that the target may lack */
};
/* Fills in the default of every field. Does not block. */
TMV_API void tmv_settings_default(struct tmv_settings *ret_settings);
/* The settings as the JSON object of tenant_migrations.config. The caller frees it with free(). NULL: no
 * memory. Does not block. */
TMV_API char *tmv_settings_to_json(const struct tmv_settings *settings);
/* Reads such an object. A key that is missing means its default; unknown keys are ignored. Does not block.
 * Errors: USAGE, which names the key, for a value out of range or of a wrong type, for budgets that exceed
 * cutover_timeout_ms, and for a name of older documents (sync_lag_threshold …), with what to use instead;
 * *ret_settings stays as it was. */
TMV_API TMV_NODISCARD bool tmv_settings_from_json(const char *json, struct tmv_settings *ret_settings,
                                                  struct tmv_error *err);

/* The settings of one migration as they are now. Errors: NOT_FOUND, USAGE when another program's cannot be
 * read, and those of every call. */
TMV_API TMV_NODISCARD bool tmv_settings_read(struct tmv_control *control, const struct tmv_uuid *migration,
                                             struct tmv_settings *ret_settings, struct tmv_error *err);
/* Changes that take back everything that limits or holds a copy; the workers stay. */
#define TMV_NO_LIMITS                                                                                        \
    "{\"max_bulk_copy_rate\":null,\"max_bulk_copy_bytes\":null,\"throttle_replica_lag_ms\":null,"            \
    "\"throttle_connections\":null,\"throttle_file\":null,\"throttle_query\":null,"                          \
    "\"throttle_query_limit\":null}"
/* Changes limits of a migration that runs: `changes` is a JSON object of max_bulk_copy_rate,
 * max_bulk_copy_bytes, copy_workers and throttle_…; null takes one back. The engine sees it within a fraction
 * of a second, and an audit row says who changed what. *ret_settings: as they are then. One statement, a
 * second one to say why nothing was changed. Errors: USAGE, which names the key, for one that is unknown, out
 * of range, or fixed once a migration has started; REFUSED when the migration has ended or is another
 * program's; NOT_FOUND; and those of every call. */
TMV_API TMV_NODISCARD bool tmv_settings_change(struct tmv_control *control, const struct tmv_uuid *migration,
                                               const char *changes, const struct tmv_actor *actor,
                                               struct tmv_settings *ret_settings, struct tmv_error *err);

struct tmv_start_options {
    struct tmv_uuid tenant;
    const char *source; /* store id; NULL: where routing says the tenant lives */
    const char *target; /* store id */
    struct tmv_settings settings;
};
/* Creates a migration in phase pending, with its audit row, for any engine to pick up. Preflight is run by
 * the engine before anything is created in a store. One statement, two when another start came first. Errors:
 * REFUSED with the id of the active migration when the tenant has one, when it has no route or does not live
 * on the source, or when source = target; NOT_FOUND (no such store); USAGE (settings, no target, the nil
 * tenant); and those of every call. When the answer was lost, tmv_snapshot_read of the tenant shows whether
 * there is one. */
TMV_API TMV_NODISCARD bool tmv_start(struct tmv_control *control, const struct tmv_start_options *options,
                                     const struct tmv_actor *actor, struct tmv_uuid *ret_migration,
                                     struct tmv_error *err);

struct tmv_request {
    enum tmv_operation operation; /* not START */
    struct tmv_uuid migration;
    int64_t generation;      /* of the snapshot that the person saw; 0: any */
    const char *reason;      /* required for ABORT, a forced CUTOVER and a forced FINALIZE; else NULL */
    bool keep_copied_events; /* ABORT: leave the copied events on the target */
    bool force;              /* CUTOVER: without the verification gate; FINALIZE: without the old store */
    bool repair;             /* VERIFY in dual_write: make the target equal to the source first */
    int64_t lifetime_us;     /* CUTOVER, REHEARSE, ABORT: no engine begins with it later; 0:
                                TMV_REQUEST_LIFETIME_US */
    struct tmv_uuid
        id; /* of the command, so that it can be looked up when the answer is lost; nil: made here */
};
#define TMV_REQUEST_LIFETIME_US INT64_C(60000000)
#define TMV_REQUEST_LIFETIME_MAX_US INT64_C(86400000000)
/* Writes a command for the migration's owner; *ret_command is its id, for tmv_command_get. CUTOVER, REHEARSE
 * and ABORT expire: by the control database's clock, checked when an engine takes the command; and they are
 * REFUSED while no engine is alive, because one that is started later finds a situation that the person did
 * not see. Three statements, up to nine when other people ask at the same moment.
 *
 * Errors: REFUSED, with the state, the operation and what is allowed, when the phase table does not permit it
 * (when another person's command made it so, or is under way, the message says whose and which), when the
 * generation is not request->generation any more, when the gates of a CUTOVER are not known, when it has
 * ended, or when the migration is another program's; NOT_FOUND; USAGE (START, no reason, `repair` without
 * VERIFY); and those of every call. When the answer was lost, look for request->id. */
TMV_API TMV_NODISCARD bool tmv_request(struct tmv_control *control, const struct tmv_request *request,
                                       const struct tmv_actor *actor, struct tmv_uuid *ret_command,
                                       struct tmv_error *err);

enum tmv_command_state {
    TMV_COMMAND_REQUESTED, /* waits for an engine */
    TMV_COMMAND_RUNNING,
    TMV_COMMAND_DONE,
    TMV_COMMAND_REFUSED,   /* a gate, the phase, or a changed generation */
    TMV_COMMAND_FAILED,    /* tried; rolled back */
    TMV_COMMAND_EXPIRED,   /* its lifetime was over before an engine began: nothing was done */
    TMV_COMMAND_WITHDRAWN, /* taken back before an engine began: nothing was done */
    TMV_COMMAND_STATE_COUNT
};

struct tmv_command_info {
    struct tmv_uuid id;
    struct tmv_uuid migration;
    enum tmv_operation operation;
    enum tmv_command_state state;
    char outcome[TMV_REASON_MAX]; /* what happened, one line */
    char requested_by[TMV_NAME_MAX];
    char requested_from[TMV_NAME_MAX];
    int64_t requested_at_us; /* microseconds since 1970 by the database's clock */
    int64_t finished_at_us;  /* 0 while not */
    int64_t expires_at_us;   /* 0: never */
};
/* "requested", as in the column; "?" for another number. A constant. */
TMV_API const char *tmv_command_state_name(enum tmv_command_state state);
/* A command and what became of it. Errors: NOT_FOUND, INTERNAL (an operation or a state that only a newer
 * program knows; *ret_command is not to be used then), and those of every call. */
TMV_API TMV_NODISCARD bool tmv_command_get(struct tmv_control *control, const struct tmv_uuid *id,
                                           struct tmv_command_info *ret_command, struct tmv_error *err);

/* Takes a request back that no engine has begun with; `actor` is named in its outcome. One statement, a
 * second one to say why not. Errors: REFUSED, with what became of it, when it is too late; NOT_FOUND; and
 * those of every call. */
TMV_API TMV_NODISCARD bool tmv_command_withdraw(struct tmv_control *control, const struct tmv_uuid *id,
                                                const struct tmv_actor *actor, struct tmv_error *err);

/* ---- dialogs that are open ---- */

/* Says that a person has a dialog before an operation open, so that others see it (tmv_snapshot.dialogs). To
 * be repeated every few seconds while it is open: after 10 s without, it counts as closed. `dialog` is any
 * new id of the caller's. It decides nothing and holds nothing up; migration and operation are not checked.
 * Errors: those of every call, SQL 42501 when the role may only read. */
TMV_API TMV_NODISCARD bool tmv_dialog_show(struct tmv_control *control, const struct tmv_uuid *dialog,
                                           const struct tmv_uuid *migration, enum tmv_operation operation,
                                           const struct tmv_actor *actor, struct tmv_error *err);
/* Says that the dialog was closed; closing one that does not exist is fine. Errors: as tmv_dialog_show. */
TMV_API TMV_NODISCARD bool tmv_dialog_close(struct tmv_control *control, const struct tmv_uuid *dialog,
                                            struct tmv_error *err);

/* ---- audit ---- */

/* What was done to the registry of stores and to routes. */
struct tmv_registry_entry {
    int64_t id;
    char action[24]; /* store_added, store_replaced, store_removed, store_identified, tenant_registered */
    char subject[TMV_NAME_MAX]; /* the store, or the tenant's id */
    char operator_name[TMV_NAME_MAX];
    char came_from[TMV_NAME_MAX];
    int64_t at_us;      /* since 1970 by the database's clock */
    char details[2400]; /* JSON, cut when longer */
};
/* Entries above `after_id`, oldest first, at most `limit` (1 …). The caller frees *ret_entries with free().
 * Errors: those of every call. */
TMV_API TMV_NODISCARD bool tmv_registry_audit(struct tmv_control *control, int64_t after_id, int limit,
                                              struct tmv_registry_entry **ret_entries, size_t *ret_count,
                                              struct tmv_error *err);

struct tmv_audit_entry {
    int64_t id;
    struct tmv_uuid migration;
    char event_type[100];
    char old_phase[20]; /* "" when none */
    char new_phase[20];
    char operator_name[TMV_NAME_MAX];
    int64_t occurred_at_us;
    char details[800]; /* JSON, cut when longer */
    bool by_others;    /* written by another program than tenantmv */
};
struct tmv_audit_query {
    const struct tmv_uuid *migration; /* borrowed; NULL: all */
    int64_t after_id;                 /* only entries with a higher id */
    int limit;                        /* at most this many, 1 … */
};
/* Entries that fit the query, oldest first. The caller frees *ret_entries with free(). Errors: USAGE
 * (`limit`), and those of every call. */
TMV_API TMV_NODISCARD bool tmv_audit_list(struct tmv_control *control, const struct tmv_audit_query *query,
                                          struct tmv_audit_entry **ret_entries, size_t *ret_count,
                                          struct tmv_error *err);
/* Checks the chain of hashes of a migration's audit. *ret_broken_id is the first row that does not fit, or 0.
 * Errors: NOT_FOUND (no such migration), and those of every call. */
TMV_API TMV_NODISCARD bool tmv_audit_verify(struct tmv_control *control, const struct tmv_uuid *migration,
                                            int64_t *ret_broken_id, struct tmv_error *err);

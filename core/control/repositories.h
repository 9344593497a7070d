/* Repositories of the control database: every row that an engine reads or writes there.
 *
 * Each function is one transaction unless it says that it runs inside the caller's. Every write of an engine
 * names an `owner` and changes nothing unless the lease still says so (TMV_ERR_OWNERSHIP otherwise); what it
 * sees of the stores belongs to no migration.
 * Connections as in pg/conn.h; every call waits at most CONTROL_TIMEOUT_US.
 */
#pragma once

#include "control/snapshot/figures.h"
#include "model/ending.h"
#include "model/moves.h"
#include "pg/query.h"
#include "tenantmv/stores.h"

#define CONTROL_TIMEOUT_US (10 * 1000 * 1000LL)

/* The right to act for a migration (design §9, Two epochs). */
struct owner {
    struct tmv_uuid tenant;
    struct tmv_uuid migration;
    struct tmv_uuid engine; /* this engine's instance id */
    int64_t epoch;          /* owner epoch: of this lease, never reused for the tenant */
};

/* An engine, as it signs what it writes. */
struct engine_identity {
    struct tmv_uuid id; /* this engine's instance, new at every start */
    const char *name;   /* as screens show it; borrowed */
};

struct tmv_control {
    struct pgx_conn *conn;  /* owned */
    bool read_only;         /* every transaction is read only; writes are refused before they are sent */
    bool listening;         /* tmv_control_wait_change has asked for announcements */
    struct tmv_actor actor; /* who uses it; empty: the database role */
};

/* ---- stores ---- */

/* Whether the registry still has both stores as they were when they were read: a decision sends the tenant's
 * writers to a registered name. In a transaction it stays so until the end: who replaces a store waits. Locks
 * in the order of ids. CONFLICT when one was replaced or removed. */
TMV_NODISCARD bool control_stores_hold(struct pgx_conn *conn, const struct tmv_store_info *one,
                                       const struct tmv_store_info *other, struct tmv_error *err);
/* Remembers which database a store was at first contact, unless that is known or the store was replaced since
 * `store` was read. */
TMV_NODISCARD bool control_store_identify(struct pgx_conn *conn, const struct tmv_store_info *store,
                                          const struct tmv_store_identity *identity, const char *who,
                                          struct tmv_error *err);

/* What an engine saw of a store, as screens read it (tmv_store_observations). */
struct observation {
    const struct tmv_store_info *store; /* as it was registered when the look began */
    int64_t at_us;                      /* by clock_now_us */
    const struct tmv_store_look *look;  /* NULL: the look failed */
    const struct tmv_error *why;        /* then */
};
/* Writes it, in place of the engine's earlier one; nothing when the store was replaced since. */
TMV_NODISCARD bool control_observe(struct pgx_conn *conn, const struct engine_identity *engine,
                                   const struct observation *seen, struct tmv_error *err);
/* How long ago another engine measured a store. */
struct observed_elsewhere {
    char store[TMV_NAME_MAX];
    int64_t age_us;
};
/* Without those that no other engine measured. The caller frees *ret_rows. */
TMV_NODISCARD bool control_observed_by_others(struct pgx_conn *conn, const struct tmv_uuid *engine,
                                              struct observed_elsewhere **ret_rows, size_t *ret_count,
                                              struct tmv_error *err);

/* ---- migrations (tenant_migrations, tenantmv.migration_state) ---- */

struct migration_row {
    struct tmv_uuid id, tenant;
    char source[TMV_NAME_MAX], target[TMV_NAME_MAX];
    enum tmv_phase phase;
    bool paused;
    char pause_reason[TMV_REASON_MAX];
    char created_by[TMV_NAME_MAX];
    struct tmv_settings settings;
    struct tmv_error settings_error; /* why they cannot be read; code TMV_OK when they can */
    int64_t events_total, events_copied;
    enum ending ending;             /* of a completed one */
    int64_t watermark, verified_to; /* as last reported */
};
TMV_NODISCARD bool control_migration_get(struct pgx_conn *conn, const struct tmv_uuid *id,
                                         struct migration_row *ret_row,
                                         struct tmv_error *err); /* NOT_FOUND */
/* Compare-and-set of the phase, with its side columns, the routing row's state, and the move's audit row in
 * the same transaction. For a move that leads to another phase, but not to completed. CONFLICT when the phase
 * is no longer `from`; REFUSED when the move is not made from there. */
struct phase_change {
    enum move_id move;
    enum tmv_phase from;
    const char *details;       /* JSON object text, or NULL */
    const char *operator_name; /* who, or NULL for the engine itself */
    const char *last_error;    /* for an end that nobody asked for: what happened; NULL otherwise */
};
TMV_NODISCARD bool control_phase_change(struct pgx_conn *conn, const struct owner *owner,
                                        const struct phase_change *change, struct tmv_error *err);
/* How many migrations stand before a pending one at its two stores; 0: it may begin. control_phase_change
 * from pending to bulk_copy checks it again, with the stores locked: CLOSED when somebody was faster. */
TMV_NODISCARD bool control_queue_place(struct pgx_conn *conn, const struct tmv_uuid *migration,
                                       int64_t *ret_place, struct tmv_error *err);
/* Compare-and-set of what a completed migration still does, with an audit row when `details` are given.
 * *ret_changed false: it was not `from`. */
struct ending_change {
    enum ending from, to;
    const char *details;       /* JSON object text, or NULL */
    const char *operator_name; /* who, or NULL for the engine itself */
};
TMV_NODISCARD bool control_ending_change(struct pgx_conn *conn, const struct owner *owner,
                                         const struct ending_change *change, bool *ret_changed,
                                         struct tmv_error *err);
/* For the transaction that decides a cutover, on whichever connection holds it when the control database is
 * there: phase cutover → completed, the tenant's store and routing state in one update, audit. CONFLICT when
 * the phase changed, the migration was paused, or routing no longer names the source; OWNERSHIP as
 * everywhere. The caller rolls back then. `details` (JSON object) and `operator_name` may be NULL. */
TMV_NODISCARD bool control_complete_cutover(struct pgx_conn *conn, const struct owner *owner,
                                            const char *target_store, const char *details,
                                            const char *operator_name, struct tmv_error *err);
/* The same for a decision that the source's fence shows already: from whatever phase, for the fence outranks
 * it. Doing it again changes nothing. */
TMV_NODISCARD bool control_follow_decision(struct pgx_conn *conn, const struct owner *owner,
                                           const char *target_store, const char *details,
                                           const char *operator_name, struct tmv_error *err);
/* Whether something that follows the decision is still to be done. */
TMV_NODISCARD bool control_unsettled(struct pgx_conn *conn, const struct tmv_uuid *migration, bool *ret_open,
                                     struct tmv_error *err);
/* Everything that follows the decision is done: until then the migration is claimable, whoever crashed or
 * gave the lease back. Doing it again changes nothing. */
TMV_NODISCARD bool control_settle(struct pgx_conn *conn, const struct owner *owner, struct tmv_error *err);
/* Notes when the bulk copy ended, indexes included; the first time counts. */
TMV_NODISCARD bool control_copy_completed(struct pgx_conn *conn, const struct owner *owner,
                                          struct tmv_error *err);
/* Sets or clears the pause flag, with its audit row; nothing (*ret_changed false) when it is so already or
 * the migration has ended. */
struct pause_change {
    bool paused;
    const char *reason, *operator_name; /* NULL: none; the engine itself */
};
TMV_NODISCARD bool control_set_paused(struct pgx_conn *conn, const struct owner *owner,
                                      const struct pause_change *change, bool *ret_changed,
                                      struct tmv_error *err);
/* What screens show; not audited, not announced, and not waited for on disk, so never inside the caller's
 * transaction. Figures that the report does not know stay as they are, with the time of their measurement;
 * step, note and `gates` that are NULL too. */
struct migration_progress {
    struct figures figures;
    bool ready; /* every gate is green */
    const char *step, *note;
    const char *throttle; /* what holds the copy now; NULL or "": nothing */
    int64_t throttled_us; /* how long it was held since the last report */
    const struct tmv_gate *gates;
    size_t gate_count;
    bool sample; /* also add a row to tenantmv.sample (and trim those older than an hour) */
    bool works;  /* what it waited for is over; without it a report is one of a try */
};
TMV_NODISCARD bool control_report_progress(struct pgx_conn *conn, const struct owner *owner,
                                           const struct migration_progress *progress, struct tmv_error *err);
/* The engine tries again: for screens. It waits since the first report of this, until it reports that it
 * works or control_resumed is called. */
struct engine_wait {
    int64_t for_us;   /* until the next try */
    int64_t since_us; /* how long ago the trouble began at least */
    const char *why;
};
TMV_NODISCARD bool control_waits(struct pgx_conn *conn, const struct owner *owner,
                                 const struct engine_wait *wait, struct tmv_error *err);
/* What it waited for is over, although there is no progress to report. */
TMV_NODISCARD bool control_resumed(struct pgx_conn *conn, const struct owner *owner, struct tmv_error *err);
/* Counts and keeps an error (last_error, error_count) with an error_occurred audit row. */
TMV_NODISCARD bool control_report_error(struct pgx_conn *conn, const struct owner *owner,
                                        const struct tmv_error *what, struct tmv_error *err);
/* An audit row of its own, when no state changes with it. */
TMV_NODISCARD bool control_audit(struct pgx_conn *conn, const struct owner *owner, enum audit_event event,
                                 const char *details, const char *operator_name, struct tmv_error *err);

/* ---- leases ---- */

#define LEASE_TTL_US (1500 * 1000LL) /* silent for so long: another engine may take over */

/* A migration that wants an engine. */
struct claimable {
    struct tmv_uuid migration, tenant;
    bool takeover;     /* the lease names another engine that fell silent */
    bool held;         /* completed and settled: its old store is kept current */
    int64_t had_epoch; /* owner epoch under which the caller had it until now; 0: it comes new */
    const char *cause; /* why that ownership ended (borrowed); NULL: it comes new */
};
/* Migrations in an active phase, or decided and not settled, that no live engine but perhaps this one owns,
 * oldest first, at most `limit`; those that this one holds come last, so that an engine that lost a
 * migration's thread finds it again. */
TMV_NODISCARD bool control_claimable(struct pgx_conn *conn, const struct tmv_uuid *engine, size_t limit,
                                     struct claimable *ret_rows, size_t *ret_count, struct tmv_error *err);
struct lease {
    bool taken; /* false: somebody else was faster; the rest is empty */
    struct owner owner;
    char unfinished[TMV_REASON_MAX]; /* why the latest cutover did not come to its end, should it not have */
};
/* Takes the lease with an epoch one higher than ever before for the tenant; not when another engine has had
 * it since had_epoch: then that one brought the migration as far as it goes. Commands that the earlier owner
 * had in hand wait again; those that cannot be done twice (cutover, rehearse, verify) are answered by what
 * became of their attempt, or by `cause`. A cutover that only the fences know of stays open. */
TMV_NODISCARD bool control_lease_take(struct pgx_conn *conn, const struct claimable *what,
                                      const struct engine_identity *engine, struct lease *ret_lease,
                                      struct tmv_error *err);
/* Heartbeat of all leases of this engine, by the database's clock. */
TMV_NODISCARD bool control_lease_renew(struct pgx_conn *conn, const struct tmv_uuid *engine,
                                       struct tmv_error *err);
/* Microseconds until the lease of another engine runs out if it says nothing more; INT64_MAX without one. */
TMV_NODISCARD bool control_lease_silence(struct pgx_conn *conn, const struct tmv_uuid *engine,
                                         int64_t *ret_left_us, struct tmv_error *err);
/* Gives the lease back: another engine can go on at once. The epoch stays. */
TMV_NODISCARD bool control_lease_release(struct pgx_conn *conn, const struct owner *owner,
                                         struct tmv_error *err);
/* For the caller's transaction: locks the lease row against a change of owner and checks it (FOR KEY SHARE:
 * heartbeats pass). OWNERSHIP when it is not ours. */
TMV_NODISCARD bool control_lease_check(struct pgx_conn *conn, const struct owner *owner,
                                       struct tmv_error *err);

/* ---- commands ---- */

struct command_row {
    struct tmv_uuid id;
    enum tmv_operation operation;
    int64_t generation;
    char requested_by[TMV_NAME_MAX];
    char reason[TMV_REASON_MAX];
    bool keep_copied_events;
    bool force;
    bool repair;
};
/* The oldest waiting command of a migration, marked running. *ret_found false when there is none. */
TMV_NODISCARD bool control_command_take(struct pgx_conn *conn, const struct owner *owner,
                                        struct command_row *ret_command, bool *ret_found,
                                        struct tmv_error *err);
TMV_NODISCARD bool control_command_finish(struct pgx_conn *conn, const struct owner *owner,
                                          const struct tmv_uuid *command, enum tmv_command_state state,
                                          const char *outcome, struct tmv_error *err);

/* ---- ledger of created objects ---- */

enum ledger_when { LEDGER_ALWAYS, LEDGER_ON_ABORT, LEDGER_ON_FINALIZE };
struct ledger_entry {
    int64_t id;
    char store[16]; /* "source" or "target" */
    char kind[32];  /* "guard-trigger", "fence-row", "dropped-index" … */
    char name[200];
    enum ledger_when when;
    char *undo;  /* statement that removes (or restores) it; owned by the list */
    char *facts; /* JSON: oid, xmin, tgenabled …; "" none; owned by the list */
};
/* Writes a row before the object is created. A row with the same store, kind and name is kept. */
TMV_NODISCARD bool control_ledger_add(struct pgx_conn *conn, const struct owner *owner,
                                      const struct ledger_entry *entry, int64_t *ret_id,
                                      struct tmv_error *err);
/* What is noted of an object, and what is told of it in the same transaction: a note without its audit row
 * would never be told, because it is news only once. */
struct ledger_note {
    int64_t id;
    const char *facts;                /* JSON */
    const char *event_type, *details; /* an audit row; NULL none */
    const struct tmv_error *problem;  /* counted as an error, with its audit row; NULL none */
};
/* NOT_FOUND when the ledger has no such row of the migration; OWNERSHIP when it is another engine's. */
TMV_NODISCARD bool control_ledger_facts(struct pgx_conn *conn, const struct owner *owner,
                                        const struct ledger_note *note, struct tmv_error *err);
/* Rows that are not removed yet, newest first; `kind` NULL: all. Free with control_ledger_free. */
TMV_NODISCARD bool control_ledger_list(struct pgx_conn *conn, const struct tmv_uuid *migration,
                                       const char *kind, struct ledger_entry **ret_entries, size_t *ret_count,
                                       struct tmv_error *err);
void control_ledger_free(struct ledger_entry *entries, size_t count);
/* The object is gone (or restored). */
TMV_NODISCARD bool control_ledger_done(struct pgx_conn *conn, const struct owner *owner, int64_t id,
                                       struct tmv_error *err);

/* ---- cutover attempts, verification reports ---- */

/* Starts an attempt: numbers it. */
TMV_NODISCARD bool control_attempt_begin(struct pgx_conn *conn, const struct owner *owner, bool rehearsal,
                                         const char *requested_by, int64_t *ret_attempt,
                                         struct tmv_error *err);
/* Ends it with outcome, reason and times. `held_writers` and the rest as in tmv_attempt. */
TMV_NODISCARD bool control_attempt_end(struct pgx_conn *conn, const struct owner *owner, int64_t attempt,
                                       const struct tmv_attempt *result, struct tmv_error *err);
/* The fences say that a cutover which an earlier owner left open did not decide: ends its attempt and its
 * command. `why`: when the attempt does not say. */
TMV_NODISCARD bool control_attempt_close(struct pgx_conn *conn, const struct owner *owner, const char *why,
                                         struct tmv_error *err);
/* Stores a verification report as JSON. */
TMV_NODISCARD bool control_verification_add(struct pgx_conn *conn, const struct owner *owner,
                                            const char *level, bool consistent, const char *report,
                                            struct tmv_error *err);
/* The same for a report that a person made without an engine. */
TMV_NODISCARD bool control_verification_keep(struct pgx_conn *conn, const struct tmv_uuid *migration,
                                             const char *level, bool consistent, const char *report,
                                             struct tmv_error *err);
/* Reports of a migration, newest first: id, time in microseconds since 1970, level, whether consistent, JSON.
 */
TMV_NODISCARD bool control_verification_list(struct pgx_conn *conn, const struct tmv_uuid *migration,
                                             int limit, struct pgx_result **ret_rows, struct tmv_error *err);
/* How far both ends are proven equal, and under which facts of the guards; 0 and "" when nothing is. */
TMV_NODISCARD bool control_proof_read(struct pgx_conn *conn, const struct tmv_uuid *migration,
                                      int64_t *ret_proven_to, char *guards, size_t size,
                                      struct tmv_error *err);
TMV_NODISCARD bool control_proof_save(struct pgx_conn *conn, const struct owner *owner, int64_t proven_to,
                                      const char *guards, struct tmv_error *err);

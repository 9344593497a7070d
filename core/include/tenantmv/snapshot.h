/* What a screen shows: an immutable picture of all migrations, read from the control database in one
 * transaction.
 *
 * A snapshot owns everything in it; the caller who received it frees it. Nothing of the library keeps or
 * changes it, so it may be handed to another thread. Functions without a control handle are pure: any thread,
 * none blocks. Those with one follow its rules: threads, time, errors (tenantmv/control.h).
 *
 * Cannot fail: every function that takes no `err`.
 */
#pragma once

#include "tenantmv/control.h"

/* The word on screen for a migration (console.md §3). */
enum tmv_display_state {
    TMV_SHOW_PENDING,
    TMV_SHOW_COPY,
    TMV_SHOW_SYNC,  /* dual write, a gate is red */
    TMV_SHOW_READY, /* every gate is green */
    TMV_SHOW_CUTOVER,
    TMV_SHOW_HOLD, /* completed, and its old store is kept current */
    TMV_SHOW_DONE,
    TMV_SHOW_PAUSED,
    TMV_SHOW_FAILED,
    TMV_SHOW_ABORTED,
    TMV_SHOW_ORPHAN,    /* no engine owns it, or its owner is silent */
    TMV_SHOW_THROTTLED, /* the copy is held: tmv_migration.throttle says by what */
    TMV_SHOW_WAITING,   /* its engine tries again: tmv_migration.note says why, waiting_since_us since when */
    TMV_SHOW_COUNT
};
/* "READY"; "?" for another number. A constant. */
TMV_API const char *tmv_display_state_name(enum tmv_display_state state);

/* What holds for a moment (a gate, the lag, a rate) is not known any more once it is older than this. */
#define TMV_FACT_TTL_US INT64_C(5000000)

/* What an engine measures of a migration. Each carries the time of its measurement, and is named as its
 * column in tenantmv.migration_state or tenant_migrations is. */
enum tmv_figure {
    TMV_FIGURE_EVENTS_TOTAL,
    TMV_FIGURE_EVENTS_COPIED,
    TMV_FIGURE_RATE,
    TMV_FIGURE_LAG,
    TMV_FIGURE_LAG_EVENTS,
    TMV_FIGURE_VERIFIED_TO,
    TMV_FIGURE_WATERMARK,
    TMV_FIGURE_ETA,
    TMV_FIGURE_PREDICTED_PAUSE,
    TMV_FIGURE_COUNT
};
/* "lag_us", as its column; "?" for another number. A constant. */
TMV_API const char *tmv_figure_name(enum tmv_figure which);

/* One condition of the cutover, as the engine last saw it. */
struct tmv_gate {
    char name[40]; /* "lag", "verified", "target healthy" … */
    bool green;
    bool unknown;   /* it was looked at too long ago, and is not green then */
    char seen[240]; /* "3.2 s > 50 ms" */
    int64_t at_us;  /* when it was looked at: in a snapshot by the database's clock, in an engine monotonic */
};
#define TMV_GATES_MAX 16

/* One attempt to cut over, with the time of each step in microseconds. */
struct tmv_attempt {
    int number; /* 1, 2, … within the migration */
    struct tmv_uuid migration;
    bool rehearsal;
    enum tmv_attempt_outcome outcome;
    char reason[TMV_REASON_MAX];
    char requested_by[TMV_NAME_MAX];
    int64_t started_at_us;
    int64_t lock_us;
    int64_t drain_us;
    int64_t decide_us;
    int64_t pause_us; /* lock requested → commit known */
    int64_t drained_events;
    int64_t held_writers; /* sessions that waited for the lock at the end of the drain */
};

#define TMV_SAMPLES_MAX 60 /* newest last; about one a second */
struct tmv_sample {
    int64_t at_us;         /* database clock */
    int64_t events_copied; /* total so far: bulk copy and tail */
    int64_t rate;          /* events/s over the last second; -1 unknown */
    int64_t lag_us;        /* age of the newest event known to be on the target; -1 unknown */
    int64_t lag_events;    /* events still to mirror; -1 unknown */
};

/* A request that waits for the engine or is being carried out. */
struct tmv_open_request {
    struct tmv_uuid id; /* of the command, for tmv_command_withdraw; nil: there is none */
    enum tmv_operation operation;
    bool running; /* an engine has begun: it cannot be withdrawn any more */
    char requested_by[TMV_NAME_MAX];
    int64_t requested_at_us; /* database clock */
    int64_t expires_at_us;   /* 0: never */
};

struct tmv_migration {
    struct tmv_uuid id;
    struct tmv_uuid tenant;
    char source[TMV_NAME_MAX];
    char target[TMV_NAME_MAX];
    enum tmv_phase phase;
    enum tmv_display_state show;
    bool paused;
    char pause_reason[TMV_REASON_MAX];
    int64_t paused_at_us;      /* database clock; 0: it is not paused, or another program did not say when */
    char note[TMV_REASON_MAX]; /* why it waits, is slow or failed; "" when there is nothing to say */
    char throttle[200];        /* what holds the copy now; "" nothing */
    int64_t throttled_us;      /* how long it was held in all */
    char left_columns[400];    /* given up at the start, separated by ", "; "" none */
    char without_tables[400];  /* tables that the target may lack, likewise */
    char step[80]; /* what the engine does now: "copying chunk 3 of 12", "building index 2 of 8" */
    char created_by[TMV_NAME_MAX];
    int64_t generation;   /* grows with every change a person could care about */
    int64_t events_total; /* estimated first, refined later */
    int64_t events_copied;
    int64_t rate;               /* events/s; -1 unknown */
    int64_t lag_us;             /* -1 unknown */
    int64_t lag_events;         /* -1 unknown */
    int64_t verified_to;        /* position, 0 none */
    int64_t watermark;          /* position, 0 none */
    int percent;                /* 0 … 100 of the copy */
    int64_t eta_us;             /* -1 unknown */
    int64_t predicted_pause_us; /* -1 unknown */
    int64_t lag_gate_us;        /* largest lag with which it may cut over */
    int64_t lock_budget_us;     /* of the steps of a cutover, after which it rolls back */
    int64_t drain_budget_us;
    int64_t pause_budget_us; /* of the whole pause */
    int64_t created_at_us, started_at_us, bulk_copy_completed_at_us, dual_write_started_at_us;
    int64_t cutover_started_at_us, completed_at_us; /* 0: not yet */
    char owner[TMV_NAME_MAX];                       /* engine that owns it, "" none */
    int64_t owner_age_us; /* since its last heartbeat, by the database's clock; -1 none */
    size_t gate_count;
    struct tmv_gate gates[TMV_GATES_MAX];
    size_t sample_count;
    struct tmv_sample samples[TMV_SAMPLES_MAX];
    char last_error[TMV_REASON_MAX];
    struct tmv_open_request request; /* the oldest open one */
    bool engine_somewhere;           /* some engine is alive, whether it has this one or not */
    int64_t waiting_since_us; /* its engine tries again since then, `note` says why; database clock, 0: it
                                 does not */
    int64_t next_try_at_us;   /* when it tries next; 0 */
    int64_t reported_at_us;   /* when its engine last reported anything; 0: never */
    bool held;                /* it is completed, and its old store is kept current until that is finalized */
    int64_t hold_until_us;    /* for how long that was planned, database clock; it does not end by itself; 0:
                                 never held */
    int64_t foreign_sign_at_us; /* another program runs it: its last sign in the shared tables; 0: it is ours
                                   or has ended */
    int64_t measured_us[TMV_FIGURE_COUNT]; /* when each figure was measured; database clock, 0: never */
};

/* A dialog before an operation that a person has open in a console (tmv_dialog_show). */
struct tmv_dialog {
    struct tmv_uuid id;
    struct tmv_uuid migration;
    enum tmv_operation operation;
    char operator_name[TMV_NAME_MAX];
    char came_from[TMV_NAME_MAX];
    int64_t opened_at_us; /* database clock, microseconds since 1970 */
};

struct tmv_snapshot {
    int64_t taken_at_us;   /* database clock, microseconds since 1970 */
    int64_t taken_mono_us; /* this machine's monotonic clock, for ages */
    size_t migration_count;
    struct tmv_migration *migrations; /* active ones first, then newest first */
    int64_t migration_total;        /* how many there are; when not all are here, none that needs a person is
                                       left out for one that does not */
    int64_t counts[TMV_SHOW_COUNT]; /* of all of them, by state */
    int64_t superseded; /* how many of those that failed have a later migration of the same tenant */
    size_t event_count;
    struct tmv_audit_entry *events; /* latest audit rows, newest first, at most 100 */
    size_t attempt_count;
    struct tmv_attempt *attempts; /* latest cutover attempts, newest first, at most 200 */
    size_t dialog_count;
    struct tmv_dialog *dialogs; /* open now, newest first, at most 100 */
};

/* Reads a snapshot: the migrations of `tenant` (NULL: all), active ones first, at most `limit` (1 …). The
 * caller frees *ret_snapshot with tmv_snapshot_free. Up to eight statements, each up to 10 s. Errors: USAGE
 * (`limit`), and those of every call on a control handle. */
TMV_API TMV_NODISCARD bool tmv_snapshot_read(struct tmv_control *control, const struct tmv_uuid *tenant,
                                             int limit, struct tmv_snapshot **ret_snapshot,
                                             struct tmv_error *err);
/* As tmv_snapshot_read for all tenants, without samples (sample_count is 0): for a caller who looks often and
 * remembers them. Errors: the same. */
TMV_API TMV_NODISCARD bool tmv_snapshot_read_brief(struct tmv_control *control, int limit,
                                                   struct tmv_snapshot **ret_snapshot, struct tmv_error *err);
/* Frees a snapshot with all that it holds; NULL is fine. */
TMV_API void tmv_snapshot_free(struct tmv_snapshot *snapshot);

/* Takes back what is too old to be known at `now_us` (the database's clock, µs since 1970): rate, lag, time
 * left and predicted pause become -1, gates become unknown, READY becomes SYNC. A migration that has ended
 * has none of them. What was reached (counts, positions) stays. Doing it again is fine; a snapshot was aged
 * when it was read, so this is for a caller who keeps one. */
TMV_API void tmv_migration_age(struct tmv_migration *migration, int64_t now_us);
/* tmv_migration_age for all migrations of a snapshot, and its counts. The caller owns it, and no other thread
 * reads it meanwhile. */
TMV_API void tmv_snapshot_age(struct tmv_snapshot *snapshot, int64_t now_us);
/* Whether every gate is known and green; if not, `why` says which is not, and why. */
TMV_API bool tmv_cutover_facts(const struct tmv_migration *migration, char why[TMV_REASON_MAX]);

/* Whether the phase table allows `operation` now; if not, `why` (NULL is fine) says the state, the operation
 * and what is allowed. Never for another program's migration. */
TMV_API bool tmv_operation_allowed(const struct tmv_migration *migration, enum tmv_operation operation,
                                   char why[TMV_REASON_MAX]);
/* Whether a repair may make the target equal to the source in this phase: only while it mirrors. REFUSED with
 * what is possible instead; once the tenant lives on the target, what the source lacks is the newest that was
 * acknowledged. Pure. */
TMV_API TMV_NODISCARD bool tmv_repair_allowed(enum tmv_phase phase, struct tmv_error *err);
/* ---- migrations of other programs ---- */

/* Whether an ordinary abort may be asked for: REFUSED for another program's migration that has not ended,
 * with whose it is and its last sign, and a hint that names the remedy. No other error. */
TMV_API TMV_NODISCARD bool tmv_foreign_check(const struct tmv_migration *migration, struct tmv_error *err);
/* Ends another program's migration as `seen` in a snapshot: it becomes aborted (failed from cutover, the only
 * legal end there), its tenant's routing says `normal` on the source, and an audit row says who, why and what
 * was seen. The stores stay as they are. CONFLICT, and nothing is done, when phase or last sign are no longer
 * as seen; REFUSED when it is ours or has ended, while its program holds the lock of its cutover, and when
 * routing says that the tenant lives elsewhere than on the source, or the handle is read only; NOT_FOUND;
 * USAGE without a reason; and those of every call on a control handle. One statement; blocks up to 10 s, for
 * as long as the program has the row locked. *ret_phase: how it ended. */
TMV_API TMV_NODISCARD bool tmv_foreign_abort(struct tmv_control *control, const struct tmv_migration *seen,
                                             const char *reason, const struct tmv_actor *actor,
                                             enum tmv_phase *ret_phase, struct tmv_error *err);

/* Waits until the control database announces a change, or `timeout_us` passes; either is true. The first call
 * on a handle begins to listen (one statement) and returns immediately: what changed before is not announced,
 * so look. Nothing else ends the wait. Errors: those of every call on a control handle. */
TMV_API TMV_NODISCARD bool tmv_control_wait_change(struct tmv_control *control, int64_t timeout_us,
                                                   struct tmv_error *err);

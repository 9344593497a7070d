/* MigrationCoordinator: runs the life cycle of one migration in a thread of its own, as straight-line code.
 *
 * It keeps nothing in memory that matters. Whenever an answer is lost or something fails, it gives the lease
 * back, takes it anew with a higher owner epoch, raises that epoch in both stores (which waits for whatever
 * the earlier self left open), and goes on from what the databases say; the fence outranks the phase.
 */
#pragma once

#include <stdatomic.h>

#include "move/cutover/cutover_manager.h"
#include "move/shared/fact_watch.h"
#include "move/verify/verify_worker.h"
#include "model/applied.h"
#include "observe/observer.h"

struct coordinator_options {
    char control_conninfo[TMV_CONNINFO_MAX];
    struct tmv_uuid engine;
    char engine_name[TMV_NAME_MAX];
    struct claimable what;
    const struct stop *stop;     /* raised when the engine stops */
    struct observers *observers; /* borrowed; NULL: no observer is told */
    atomic_bool *held; /* borrowed; set while only an old store is kept current; NULL: nobody asks */
};

/* The coordinator's state; its parts are in coordinator.c (ownership, errors) and phases/ (what is done in
 * each phase). */
struct coordinator {
    const struct coordinator_options *options;
    struct pgx_conn *control;        /* owned */
    int64_t had_epoch;               /* owner epoch of this thread's ownership before; 0: none */
    const char *had_cause;           /* why that one ended; borrowed, NULL: none */
    char unfinished[TMV_REASON_MAX]; /* why the latest cutover did not come to its end, should it not have */
    struct endpoints endpoints;
    struct migration_row row; /* as last read */
    struct guard source_guard, target_guard;
    struct tailer tailer;
    struct cutover_manager cutover;
    struct verify_worker verifier;
    struct fact_watch facts;               /* of both stores */
    struct pgx_conn *sessions[SIDE_COUNT]; /* owned: left by one step to the next; NULL none */
    bool connected;                        /* tailer, cutover and verifier have their connections */
    bool copying;                          /* the copier runs: what touches the stores waits for its end */
    struct command_row deferred;           /* a command that waits for the end of what uses the stores now */
    bool deferred_waits;
    struct command_row verify; /* a verify command that waits for the verifier */
    bool verify_waits;
    int64_t polled_us, reported_us;           /* when control was last asked, told (monotonic) */
    int64_t copied_events;                    /* on the target before this tailer started */
    int64_t reported_events;                  /* for the rate */
    int64_t verified_since_us, verified_from; /* for the time that the verification needs */
    bool difference_told;
    bool proof_told;                 /* that everything was proven equal for the first time */
    struct verify_proof saved_proof; /* as it stands in control */
    int64_t saved_us;                /* monotonic */
    enum applied_state applied;      /* on the target; UNKNOWN until it was raised there */
    int64_t copy_limit;              /* V0; 0 before the guard stood */
    bool ended;                      /* nothing is left to do */
    bool target_is_home;             /* an abort found that the target takes the tenant's writes */
};

/* The thread's body: until the migration ended, somebody else owns it, or the engine stops. Logs what it ends
 * with. */
void coordinator_run(const struct coordinator_options *options);

/* ---- used by the phases ---- */

/* Asks control at most every 200 ms (at once when it announced something): re-reads the row, takes a waiting
 * command and carries it out. CANCELLED when the engine stops. */
TMV_NODISCARD bool coordinator_poll(struct coordinator *c, struct tmv_error *err);
/* Says what is done now; `step` stays until the next. */
TMV_NODISCARD bool coordinator_report_step(struct coordinator *c, const char *step, const char *note,
                                           struct tmv_error *err);
/* Finishes a command with its outcome. */
TMV_NODISCARD bool coordinator_answer(struct coordinator *c, const struct command_row *command,
                                      enum tmv_command_state state, const char *outcome,
                                      struct tmv_error *err);

/* Carries out a pause or a resume. */
TMV_NODISCARD bool coordinator_pause(struct coordinator *c, const struct command_row *command,
                                     struct tmv_error *err);

/* Between two tries, for `pause_us`: hears commands, for which the stores are not needed. Pauses, resumes,
 * aborts (without the target when that is what is missing), and refuses the others with `why`. False when
 * there is nothing left to try: it was aborted, lost, or the engine stops. */
bool phase_waiting(struct coordinator *c, const struct tmv_error *why, int64_t pause_us);
TMV_NODISCARD bool phase_pending(struct coordinator *c, struct tmv_error *err);
TMV_NODISCARD bool phase_bulk_copy(struct coordinator *c, struct tmv_error *err);
/* Catching up at the end of bulk_copy, and dual_write: the same loop. Returns when the phase changed or a
 * command ended it. */
TMV_NODISCARD bool phase_mirroring(struct coordinator *c, struct tmv_error *err);
/* After ownership was raised on the source and not on the target (`err`): what the source had not decided by
 * then is decided by nobody, so a cutover that was left open goes back without the target. Returns false. */
bool phase_undecided(struct coordinator *c, struct tmv_error *err);
TMV_NODISCARD bool phase_cutover(struct coordinator *c, const struct command_row *command,
                                 struct tmv_error *err);
TMV_NODISCARD bool phase_completed(struct coordinator *c, struct tmv_error *err);
/* Hold-down: keeps the store current that the tenant has left, by leg 2 of the migration, until that is ended
 * by a command (after which `ended` is set), or something fails. Writers are never held. */
TMV_NODISCARD bool phase_hold(struct coordinator *c, struct tmv_error *err);
/* What who asked for its end is told. */
extern const char hold_ended[];
/* Ends that without the old store: it may be lost, or cannot be kept current. What it does not have yet is
 * not looked at. The stores need not be connected. */
TMV_NODISCARD bool hold_abandon(struct coordinator *c, const struct command_row *command,
                                struct tmv_error *err);
/* Takes everything back: nothing arrives any more, fence off, copied events removed (or kept), triggers and
 * rows gone, ledger empty, phase aborted. Can be repeated after a crash at any point. */
TMV_NODISCARD bool phase_abort(struct coordinator *c, const struct command_row *command,
                               struct tmv_error *err);

/* Another program set the phase to aborted or failed: what stands in the stores is taken back all the same.
 */
TMV_NODISCARD bool phase_ended(struct coordinator *c, struct tmv_error *err);

/* Opens the connections for mirroring, reads the guards' facts from the ledger and resolves the fence.
 * *ret_moved: the source says that the tenant has moved by this migration. */
TMV_NODISCARD bool coordinator_connect_stores(struct coordinator *c, bool *ret_moved, struct tmv_error *err);
void coordinator_disconnect_stores(struct coordinator *c);
/* Writes a guard's row in the ledger, before it is installed. */
TMV_NODISCARD bool coordinator_ledger_guard(struct coordinator *c, enum store_side side, int64_t *ret_id,
                                            struct tmv_error *err);
/* Notes the facts that an installation found (glance `installed`) and reads the shape that belongs to them.
 * CONFLICT when the table was changed meanwhile: install again. */
TMV_NODISCARD bool coordinator_note_facts(struct coordinator *c, enum store_side side, struct pgx_conn *store,
                                          const char *installed, struct tmv_error *err);
/* The digest that is noted of a side; "" none. */
TMV_NODISCARD bool coordinator_noted_digest(struct coordinator *c, enum store_side side,
                                            struct pgx_conn *store, char digest[FACTS_DIGEST_SIZE],
                                            struct tmv_error *err);
/* Reads what was noted of both sides from the ledger; the stores are connected. */
TMV_NODISCARD bool coordinator_load_facts(struct coordinator *c, struct tmv_error *err);
/* Compares both sides with it (fact_watch_look). CONFLICT when the stores must be connected again. */
TMV_NODISCARD bool coordinator_look_at_facts(struct coordinator *c, struct tmv_error *err);
/* While history is copied: REFUSED with words when a side is not as it was when the copy began. */
TMV_NODISCARD bool coordinator_check_copy_facts(struct coordinator *c, enum store_side side,
                                                struct pgx_conn *store, struct tmv_error *err);
/* An error of a server that a change of the tables, or a missing partition, explains becomes one that is
 * tried again on new connections. Returns false. */
bool coordinator_explain(struct coordinator *c, struct tmv_error *err);

/* Starts the verification that runs along, from what an earlier engine has proven. */
TMV_NODISCARD bool coordinator_start_verifier(struct coordinator *c, struct tmv_error *err);
/* Feeds it, keeps its proof, stores its reports, and answers a verify command that waits for it. */
TMV_NODISCARD bool coordinator_follow_verification(struct coordinator *c, struct tmv_error *err);
/* Carries out a verify command: takes the proof back and begins anew. */
TMV_NODISCARD bool coordinator_verify(struct coordinator *c, const struct command_row *command,
                                      struct tmv_error *err);
/* Compares what was there at the decision. */
TMV_NODISCARD bool coordinator_verify_completed(struct coordinator *c, const struct command_row *command,
                                                struct tmv_error *err);
#define VERIFY_CLOSE 20000 /* positions that the cutover may still have to verify */

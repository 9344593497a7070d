/* CutoverManager: the write pause and the switch, as one transaction on the source whose commit is the one
 * point of decision (design §9).
 *
 * Invariants, whatever crashes:
 *  C1 there is no committed state in which writes are held: the pause is an open transaction, and the server
 * ends it when this engine falls silent; C2 the session with the lock carries no data and runs four
 * statements; C3 the target takes writers only when the fence of the source says "moved" at the epoch for
 * which the target is armed; C4 what decides also checks: owner epoch, fence state and placement epoch, in
 * the same transaction; C5 what it decides on stands on guards that were compared in the same transaction,
 * under a lock that keeps their triggers as they are; C6 after any outcome that is not known, nothing is
 * assumed: the caller takes ownership anew (which waits for the old transaction) and reads the fence.
 */
#pragma once

#include "move/verify/consistency_verifier.h"
#include "move/shared/fact_watch.h"
#include "move/cutover/standby.h"
#include "move/tail/tailer.h"
#include "tenantmv/snapshot.h"

struct cutover_manager {
    const struct endpoints *endpoints;
    const struct guard *source_guard, *target_guard;
    struct tailer *tailer;
    struct pgx_conn *control;       /* borrowed: the coordinator's */
    struct pgx_conn *lock;          /* owned: the session of the pause; carries no data */
    struct standby standby;         /* of the source; asked only where commits wait for one */
    bool alone;                     /* the decision stands on the source alone: its standby did not answer */
    bool control_here;              /* the control tables stand in the source's database */
    const struct fact_watch *facts; /* borrowed: what was noted of both stores, and what it says now */
    int64_t verified_to;            /* the prefix that is proven equal */
    bool total_compared;            /* and the tenant's totals, without a lower bound */
    bool repairing;                 /* a repair of the target was asked for and has not ended */
    int64_t differences;            /* that the verification knows of; 0 none */
    int64_t differs_at;             /* position of the first */
    char differs_in[140];           /* " (column note)": what of it differs; "" when it is not its columns */
    struct buf digest_source_sql, digest_target_sql;
    int64_t last_pause_us;    /* of the latest attempt or rehearsal; 0 none yet */
    int64_t last_pause_at_us; /* when it ended (monotonic) */
    char oldest_xid[24];      /* the target's oldest transaction whose age the server does not tell */
    int64_t oldest_seen_us;   /* when it was first seen (monotonic) */
};

/* What an operator is told when a decision is not on the source's synchronous standby. */
extern const char cutover_alone[];

enum cutover_outcome {
    CUTOVER_COMPLETED,
    CUTOVER_ROLLED_BACK, /* nothing changed; the reason is in the attempt */
    CUTOVER_REHEARSED,
    CUTOVER_UNKNOWN /* an answer was lost: take ownership anew and read the fence */
};

void cutover_manager_init(struct cutover_manager *m, const struct endpoints *endpoints,
                          struct tailer *tailer);
void cutover_manager_release(struct cutover_manager *m);
/* Opens the lock session and prepares statements. source_guard, target_guard, control and facts are set
 * before. */
TMV_NODISCARD bool cutover_manager_connect(struct cutover_manager *m, struct tmv_error *err);

/* Looks at every gate; changes nothing. `gates` has room for TMV_GATES_MAX. *ret_green: all of them are. */
struct cutover_conditions {
    const struct tmv_settings *settings;
    bool paused;
    bool force; /* the verification gate is left out */
};
/* Whether every one of `gates` is green and was looked at a moment ago; if not, `why` names the first that is
 * not. */
bool cutover_gates_hold(const struct tmv_gate *gates, size_t count, int64_t now_us, char why[TMV_REASON_MAX]);
TMV_NODISCARD bool cutover_gates(struct cutover_manager *m, const struct cutover_conditions *conditions,
                                 struct tmv_gate *gates, size_t *ret_count, bool *ret_green,
                                 struct tmv_error *err);
/* What the pause may take once the lock is held: the database ends it then. A standby that takes longer to
 * answer would hold the writers. */
int64_t cutover_pause_budget_ms(const struct tmv_settings *settings);
/* What the pause would be now: as the latest attempt or rehearsal was, when that is fresh, else from the
 * running means, else again as the latest was; -1 while nothing was measured. */
int64_t cutover_predict_us(const struct cutover_manager *m);

/* One attempt. The phase is `cutover` already (or, for a rehearsal, dual_write). Fills `attempt` with
 * outcome, reason and times. Only CUTOVER_UNKNOWN comes with false and an error. Blocks up to the budgets. */
struct cutover_request {
    const struct tmv_settings *settings;
    bool rehearsal;
    bool force;
    const char *requested_by;
};
TMV_NODISCARD bool cutover_attempt(struct cutover_manager *m, const struct cutover_request *request,
                                   struct tmv_attempt *attempt, enum cutover_outcome *ret_outcome,
                                   struct tmv_error *err);
/* Appends the statement that arms the target at a placement epoch, with its sequence beyond `position`; for
 * the end of a drain. */
TMV_NODISCARD bool cutover_arm_sql(const struct endpoints *endpoints, int64_t epoch, int64_t position,
                                   struct buf *ret_sql, struct tmv_error *err);

/* The guard: a fence in the store's own database that decides who may write a tenant's events (design §6).
 *
 * What it guarantees, whatever clients do, under every isolation level, while its catalogue rows are
 * unchanged: G1 an insert of the tenant takes the tenant's advisory lock (shared) before it takes its
 * position; G2 it is admitted only if the fence row, as committed at that moment, says open, off, or armed at
 * the epoch that the transaction names; G3 no UPDATE, DELETE or TRUNCATE touches the tenant's events unless
 * the fence is off; G4 other tenants' rows never reach a guard function; G5 where rows carry the id of a
 * transaction, it rises with the position over all guarded rows of the table, and none is below the id of a
 * transaction that has a lower position.
 */
#pragma once

#include "store/shape.h"

enum fence_state { FENCE_OPEN, FENCE_MOVED, FENCE_CLOSED, FENCE_ARMED, FENCE_OFF, FENCE_STATE_COUNT };
const char *fence_state_name(enum fence_state state);

struct fence {
    enum fence_state state;
    int64_t placement_epoch;
    char store_id[TMV_NAME_MAX];
    struct tmv_uuid migration;
};

/* A tenant's guard in one store. */
struct guard {
    const struct store_shape *shape; /* borrowed */
    struct tmv_uuid tenant;
    struct tmv_uuid migration;
    int64_t owner_epoch;
    int64_t lock_key; /* of the tenant's advisory lock here */
    char mark[24];    /* in the names of its triggers */
};

enum guard_level {
    GUARD_ROWS,      /* the real guard */
    GUARD_STATEMENTS /* closed to everybody but the engine, without a cost per row: while history is copied */
};

/* Creates the schema `tenantmv` and the guard's functions in a store where they are missing, and brings older
 * ones up to date: that holds writers of the store for some milliseconds, when no transaction of theirs is
 * under way. Enters the events table. REFUSED when a newer version made the schema; TIMEOUT as guard_install.
 */
TMV_NODISCARD bool guard_prepare_store(struct pgx_conn *conn, const struct store_shape *shape,
                                       struct tmv_error *err);
/* The same when the schema is there in another version than this program's; else nothing. Before anything
 * that an older program left is read. */
TMV_NODISCARD bool guard_upgrade_store(struct pgx_conn *conn, const struct store_shape *shape,
                                       struct tmv_error *err);
/* Finds the lock key and the mark; fills `guard`, whose first four members the caller has set. */
TMV_NODISCARD bool guard_identify(struct pgx_conn *conn, struct guard *guard, struct tmv_error *err);
/* Raises the owner row here to guard->owner_epoch. OWNERSHIP when a higher one stands there. */
TMV_NODISCARD bool guard_raise_owner(struct pgx_conn *conn, const struct guard *guard, struct tmv_error *err);
/* Appends the statement that ends its transaction (TM010) unless this engine still owns the migration in that
 * store, and holds a successor off until the transaction is over. */
TMV_NODISCARD bool guard_must_own(const struct guard *guard, struct buf *ret_sql, struct tmv_error *err);
/* Makes OWNERSHIP of an error that guard_must_own raised; leaves others as they are. Returns false. */
bool guard_explain(struct pgx_conn *conn, struct tmv_error *err);
/* Puts the fence row there before the triggers exist: `state` open or closed, writers wait at most wait_ms,
 * placement epoch at least `epoch`. A row of this migration is left as it is. OWNERSHIP as above. */
TMV_NODISCARD bool guard_prepare_fence(struct pgx_conn *conn, const struct guard *guard,
                                       enum fence_state state, int64_t wait_ms, int64_t epoch,
                                       struct tmv_error *err);
/* The fence as it is committed now. *ret_found false: no row. */
TMV_NODISCARD bool guard_read_fence(struct pgx_conn *conn, const struct guard *guard, struct fence *ret_fence,
                                    bool *ret_found, struct tmv_error *err);
/* One compare-and-set of the fence, checked against the owner row. from_epoch and to_epoch 0: any, unchanged.
 */
struct fence_change {
    enum fence_state from, to;
    int64_t from_epoch, to_epoch;
};
/* *ret_changed false: the fence was not in that state, or the engine is no longer the owner here. */
TMV_NODISCARD bool guard_change_fence(struct pgx_conn *conn, const struct guard *guard,
                                      const struct fence_change *change, bool *ret_changed,
                                      struct tmv_error *err);

/* What an installation found under the table lock. */
struct guard_installed {
    int64_t value;   /* the position sequence's value: V0, final because no writer is in flight */
    char glance[80]; /* at the facts (facts.h) */
};
/* Installs the triggers without hurting neighbours: asks for the table lock for 20 ms at a time and backs
 * off. TIMEOUT after `patience_us`, naming the session in the way; OWNERSHIP as above. */
TMV_NODISCARD bool guard_install(struct pgx_conn *conn, const struct guard *guard, enum guard_level level,
                                 int64_t patience_us, struct guard_installed *ret_installed,
                                 struct tmv_error *err);
/* The statements of facts_read and facts_glance, which every connection keeps: they run right before writers
 * are held. The last slots, because the owners of connections number theirs from 0. */
#define GUARD_SLOT_FACTS (PGX_KEPT_MAX - 1)
#define GUARD_SLOT_GLANCE (PGX_KEPT_MAX - 2)
/* The digest as it is now; differs from the installed one after any DISABLE, REPLACE, ATTACH, DETACH. */
TMV_NODISCARD bool guard_read_facts(struct pgx_conn *conn, const struct guard *guard, char facts[80],
                                    struct tmv_error *err);
/* Drops the tenant's triggers if that can be done within some tries of 10 ms. `why`, "" when they are gone,
 * says what was in the way: the table was too busy, or, with the fence off, a transaction is under way that
 * is older than the newest event which the guard let in (feed readers would skip events, G5); meanwhile the
 * triggers admit everything. `closed_only`: just the statement trigger. OWNERSHIP as above. Blocks for some
 * seconds. */
#define GUARD_WHY_MAX 200
TMV_NODISCARD bool guard_remove(struct pgx_conn *conn, const struct guard *guard, bool closed_only,
                                char why[GUARD_WHY_MAX], struct tmv_error *err);
/* What a cutover locks in its source's database, one at a time (cutover_only_one_source.sql). */
#define GUARD_CUTOVER_KEY "tenantmv:cutover"
/* Once a migration is over, its tenant needs no triggers of its own in either store (design §6): `resting`
 * MOVED, on the source, leaves it to the triggers that all such tenants share; OPEN, on the target, where it
 * lives now, leaves none. Asks for the table for 10 ms, once. *ret_done: they are gone, or the fence row is
 * another migration's; false: the table was busy, the fence is in another state, a session may still have a
 * snapshot older than the fence, or this role may not see that (pg_read_all_stats), a transaction is under
 * way that is older than the tenant's newest event there (OPEN; G5), or a cutover of any tenant runs here:
 * try again later. Needs no ownership: the fence row is locked, and says that there is
 * nothing left to own. Blocks up to a minute. */
TMV_NODISCARD bool guard_retire(struct pgx_conn *conn, const struct guard *guard, enum fence_state resting,
                                bool *ret_done, struct tmv_error *err);
/* The position sequence's value: the highest position handed out, 0 before the first. */
TMV_NODISCARD bool guard_sequence_value(struct pgx_conn *conn, const struct store_shape *shape,
                                        int64_t *ret_value, struct tmv_error *err);

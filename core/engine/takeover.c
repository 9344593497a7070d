#include "engine/takeover.h"

#include <string.h>

#include "lib/assert.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/text.h"
#include "engine/upgrade.h"
#include "sql_embedded.h"

#define TAKEOVER_TIMEOUT_US (30 * US_PER_S)
#define SESSIONS_GONE_US (10 * US_PER_S)

/* A session as its server knows it. Both stores may be on one server: the session that is kept on the source
 * is older than the target's, and ends with the earlier engine's unless it is told from them. */
struct session_id {
    int64_t pid, started_us; /* zero: none */
};

/* A stopped process keeps its row locks and obeys no timeout of ours; its server session does. *ret_self:
 * `conn`.
 */
static bool end_sessions(struct coordinator *c, struct pgx_conn *conn, const struct session_id *kept,
                         struct session_id *ret_self, struct tmv_error *err)
{
    bool of_control = conn == c->control;
    int64_t deadline = clock_now_us() + SESSIONS_GONE_US;

    for (;;) {
        AUTO_RESULT struct pgx_result *row = NULL;

        if (!pgx_query(conn, TAKEOVER_TIMEOUT_US, sql_takeover_end_sessions,
                       PGX_ARGS(PGX_TEXT(c->endpoints.migration), PGX_BOOL(of_control), PGX_INT(kept->pid),
                                PGX_INT(kept->started_us)),
                       &row, err))
            return err_wrap(err, "ending the sessions of an earlier engine");
        *ret_self = (struct session_id){pgx_int(row, 0, 1), pgx_int(row, 0, 2)};
        if (pgx_int(row, 0, 0) == 0)
            return true;
        if (clock_now_us() > deadline)
            return err_set(err, TMV_ERR_TIMEOUT, "%s sessions of an earlier engine do not end on %s",
                           pgx_text(row, 0, 0), pgx_place(conn));
        if (!stop_sleep(c->options->stop, 20 * US_PER_MS))
            return err_set(err, TMV_ERR_CANCELLED, "stopped");
    }
}

static bool store_is_ready(struct pgx_conn *conn, bool *ret_ready, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!pgx_query(conn, TAKEOVER_TIMEOUT_US, sql_takeover_store_ready, PGX_NONE, &row, err))
        return false;
    *ret_ready = pgx_bool(row, 0, 0);
    return true;
}

/* A column that is gone does not keep an engine from taking over: it must be able to undo. What may go on,
 * the facts decide. */
static bool identify(struct coordinator *c, struct pgx_conn *conn, bool source, struct tmv_error *err)
{
    struct guard *guard = source ? &c->source_guard : &c->target_guard;
    struct store_shape *shape = source ? &c->endpoints.source : &c->endpoints.target;
    const struct tmv_store_info *store = source ? &c->endpoints.source_store : &c->endpoints.target_store;

    if (!store_shape_read(conn, store->events_schema, store->events_table, shape, err))
        return false;
    store_shape_leave(shape, &c->row.settings.leave_columns);
    guard->shape = shape;
    guard->tenant = c->endpoints.owner.tenant;
    guard->migration = c->endpoints.owner.migration;
    guard->owner_epoch = c->endpoints.owner.epoch;
    return guard_identify(conn, guard, err);
}

static bool read_applied(struct coordinator *c, struct pgx_conn *target, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;
    AUTO_RESULT struct pgx_result *raised = NULL;
    int leg = leg_number(&c->endpoints.leg);

    if (!pgx_query(target, TAKEOVER_TIMEOUT_US, sql_tail_applied_read,
                   PGX_ARGS(PGX_UUID(&c->endpoints.owner.migration), PGX_INT(leg)), &row, err))
        return false;
    if (pgx_rows(row) == 0) {
        c->applied = APPLIED_NONE;
        return true;
    }
    if (!pgx_query(target, TAKEOVER_TIMEOUT_US, sql_takeover_applied,
                   PGX_ARGS(PGX_UUID(&c->endpoints.owner.migration), PGX_INT(c->endpoints.owner.epoch),
                            PGX_INT(leg)),
                   &raised, err))
        return false;
    if (pgx_rows(raised) == 0)
        return err_set(err, TMV_ERR_OWNERSHIP, "another engine owns the target's applied row");
    if (!applied_state_parse(pgx_text(raised, 0, 0), &c->applied))
        return err_set(err, TMV_ERR_REFUSED, "the target's applied row is in an unknown state: %s",
                       pgx_text(raised, 0, 0));
    c->copy_limit = pgx_int(raised, 0, 1);
    c->copied_events = pgx_int(raised, 0, 3);
    return true;
}

/* The leg that goes back writes to the source. Without it there is nothing to raise. */
static bool raise_back(const struct coordinator *c, struct pgx_conn *source, struct tmv_error *err)
{
    return pgx_query(source, TAKEOVER_TIMEOUT_US, sql_takeover_applied,
                     PGX_ARGS(PGX_UUID(&c->endpoints.owner.migration), PGX_INT(c->endpoints.owner.epoch),
                              PGX_INT(BACK_LEG)),
                     NULL, err);
}

/* What an older program left there is brought to this one's form before it is read. */
static bool raise_owner(struct coordinator *c, struct pgx_conn *conn, bool source, struct tmv_error *err)
{
    const struct guard *guard = source ? &c->source_guard : &c->target_guard;

    if (!guard_upgrade_store(conn, guard->shape, err) || !fault_hit("takeover.store_upgraded", err) ||
        !guard_raise_owner(conn, guard, err) || !upgrade_take_in(c, conn, source, err))
        return false;
    return source ? raise_back(c, conn, err)
                  : (fault_hit("takeover.target_raised", err) && read_applied(c, conn, err) &&
                     fault_hit("takeover.applied_raised", err));
}

/* A store that was never prepared is left alone: nothing was ever written there. */
static bool raise_if_prepared(struct coordinator *c, struct pgx_conn *conn, bool source,
                              struct tmv_error *err)
{
    bool ready = false;

    if (!store_is_ready(conn, &ready, err))
        return false;
    if (ready)
        return raise_owner(c, conn, source, err);
    if (!source)
        c->applied = APPLIED_NONE;
    return true;
}

/* What comes next is the guard or the copy, which begins with just such sessions. */
static bool keeps_sessions(const struct coordinator *c)
{
    return c->row.phase == TMV_PHASE_BULK_COPY && !c->row.paused;
}

/* `kept` is spared, and becomes the session that is used here. */
static bool raise_in(struct coordinator *c, bool source, struct session_id *kept, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *conn = NULL;
    const struct session_id spared = *kept;
    const char *part = keeps_sessions(c) ? "guard" : "takeover";

    if (!(source ? endpoints_connect_source(&c->endpoints, part, &conn, err)
                 : endpoints_connect_target(&c->endpoints, part, &conn, err)))
        return false;
    /* After connecting: if we are still the owner now, then whoever owns the migration later has sessions
     * that began after this one, and they are let live however late we are. */
    if (!control_lease_check(c->control, &c->endpoints.owner, err) ||
        !end_sessions(c, conn, &spared, kept, err) ||
        !fault_hit(source ? "takeover.source_sessions_ended" : "takeover.target_sessions_ended", err) ||
        !identify(c, conn, source, err) || !raise_if_prepared(c, conn, source, err))
        return false;
    if (keeps_sessions(c)) {
        struct pgx_conn **session = &c->sessions[source ? SIDE_SOURCE : SIDE_TARGET];

        pgx_close(TAKE(*session));
        *session = TAKE(conn);
    }
    return true;
}

static bool takeover_source(struct coordinator *c, struct session_id *ret_kept, struct tmv_error *err)
{
    static const struct session_id none;
    struct session_id ignored;

    *ret_kept = none;
    return end_sessions(c, c->control, &none, &ignored, err) && raise_in(c, true, ret_kept, err);
}

bool takeover_raise(struct coordinator *c, struct tmv_error *err)
{
    struct session_id kept;

    c->applied = APPLIED_UNKNOWN;
    if (c->row.phase == TMV_PHASE_PENDING) {
        c->applied = APPLIED_NONE; /* nothing was ever created */
        return true;
    }
    return takeover_source(c, &kept, err) && fault_hit("takeover.after_source", err) &&
           raise_in(c, false, &kept, err);
}

bool takeover_raise_source(struct coordinator *c, struct tmv_error *err)
{
    struct session_id ignored;

    return takeover_source(c, &ignored, err);
}

bool takeover_raise_target(struct coordinator *c, struct tmv_error *err)
{
    struct session_id none = {0};

    return raise_in(c, false, &none, err);
}

bool takeover_must_undo(const struct coordinator *c)
{
    TMV_ASSERT(c->applied != APPLIED_UNKNOWN);
    return c->applied == APPLIED_UNDOING && !tmv_phase_is_terminal(c->row.phase);
}

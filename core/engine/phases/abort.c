/* Abort: takes everything back. The source is never touched but for its guard; each step may be repeated
 * after a crash: target: applied row "undoing" (nothing arrives any more) → source: fence off → target:
 * events removed in batches, indexes restored → triggers and rows of both stores → ledger → control: phase
 * aborted, routing normal.
 */
#include "engine/coordinator.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/takeover.h"
#include "lib/assert.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/json.h"
#include "lib/text.h"
#include "move/copy/bulk_copier.h"
#include "move/shared/position_plan.h"
#include "engine/move.h"
#include "sql_embedded.h"

#define UNDO_TIMEOUT_US (120 * US_PER_S)
#define BATCH_ROWS 20000
#define REMOVE_ROUNDS 5

static bool stop_arrivals(struct coordinator *c, struct pgx_conn *target, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;

    TMV_ASSERT(c->applied != APPLIED_UNKNOWN);
    if (c->applied == APPLIED_NONE)
        return true;
    if (!fault_hit("abort.before_undoing", err) ||
        !pgx_query(target, UNDO_TIMEOUT_US, sql_undo_begin,
                   PGX_ARGS(PGX_UUID(&c->endpoints.owner.migration), PGX_INT(c->endpoints.owner.epoch)), &row,
                   err))
        return err_wrap(err, "closing the target to mirrors");
    if (pgx_rows(row) == 0)
        return err_set(err, TMV_ERR_OWNERSHIP, "the target's applied row is not ours any more");
    c->applied = APPLIED_UNDOING;
    return fault_hit("abort.undoing", err);
}

static bool fence_off(struct coordinator *c, struct pgx_conn *source, struct tmv_error *err)
{
    const struct fence_change change = {.from = FENCE_OPEN, .to = FENCE_OFF};
    struct fence fence;
    bool found = false;
    bool changed = false;

    if (!fault_hit("abort.before_fence_off", err) ||
        !guard_change_fence(source, &c->source_guard, &change, &changed, err) ||
        !guard_read_fence(source, &c->source_guard, &fence, &found, err))
        return false;
    if (found && fence.state == FENCE_MOVED &&
        tmv_uuid_equal(&fence.migration, &c->endpoints.owner.migration))
        return err_set(err, TMV_ERR_REFUSED,
                       "the tenant has moved: the cutover was decided before the abort");
    if (found && fence.state != FENCE_OFF && tmv_uuid_equal(&fence.migration, &c->endpoints.owner.migration))
        return err_set(err, TMV_ERR_OWNERSHIP, "the source's fence is %s and not ours",
                       fence_state_name(fence.state));
    return fault_hit("abort.fence_off", err);
}

/* Whatever control says: a target that is open took the tenant's writes over, and its events are nobody's
 * copy. */
static bool target_is_not_home(struct coordinator *c, struct pgx_conn *target, struct tmv_error *err)
{
    struct fence fence;
    bool found = false;

    if (!guard_read_fence(target, &c->target_guard, &fence, &found, err))
        return false;
    if (!found || fence.state != FENCE_OPEN ||
        !tmv_uuid_equal(&fence.migration, &c->endpoints.owner.migration))
        return true;
    c->target_is_home = true;
    err_set(err, TMV_ERR_REFUSED,
            "the target takes the tenant's writes: the cutover was decided, though the source says no "
            "more that it was");
    return err_hint(err, "resume the migration: it fences the source again and is completed");
}

static bool delete_range(struct coordinator *c, struct pgx_conn *target, int64_t low, int64_t high,
                         struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(2000);

    if (!endpoints_begin_target(&c->endpoints, target, "undoing", false, err))
        return false;
    if (store_sql(&sql, sql_undo_batch, &c->endpoints.target, NULL, 0, err) &&
        pgx_query(target, UNDO_TIMEOUT_US, buf_text(&sql),
                  PGX_ARGS(PGX_UUID(&c->endpoints.owner.tenant), PGX_INT(low), PGX_INT(high)), NULL, err) &&
        fault_hit("abort.before_batch_commit", err) && pgx_commit(target, UNDO_TIMEOUT_US, err))
        return true;
    pgx_rollback(target, UNDO_TIMEOUT_US);
    return err_wrap(err, "removing copied events");
}

/* The next batch of what is left. By rows: positions may be far apart. Without its primary key every batch
 * would read the whole table, so there is one. */
static bool remove_batch(struct coordinator *c, struct pgx_conn *target, bool indexed,
                         struct position_span *left, struct tmv_error *err)
{
    char step[80];
    int64_t end = left->high;

    if (indexed && !position_after_rows(target, &c->endpoints.target, left, BATCH_ROWS, &end, err))
        return false;
    snprintf(step, sizeof step, "removing copied events to position %" PRId64 " of %" PRId64, end,
             left->high);
    if (!coordinator_report_step(c, step, "aborting", err) || !delete_range(c, target, left->low, end, err) ||
        !fault_hit("abort.batch", err))
        return false;
    left->low = end;
    return true;
}

static bool remove_events(struct coordinator *c, struct pgx_conn *target, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(2000);
    AUTO_RESULT struct pgx_result *bounds = NULL;
    struct ledger_entry *dropped = NULL;
    struct position_span left;
    size_t indexes_missing = 0;

    if (!store_sql(&sql, sql_undo_bounds, &c->endpoints.target, NULL, 0, err) ||
        !pgx_query(target, UNDO_TIMEOUT_US, buf_text(&sql), PGX_ARGS(PGX_UUID(&c->endpoints.owner.tenant)),
                   &bounds, err) ||
        !control_ledger_list(c->control, &c->endpoints.owner.migration, "dropped-index", &dropped,
                             &indexes_missing, err))
        return err_wrap(err, "looking for copied events");
    control_ledger_free(dropped, indexes_missing);
    int64_t lowest = pgx_int(bounds, 0, 0);
    left = (struct position_span){.low = lowest == INT64_MIN ? lowest : lowest - 1,
                                  .high = pgx_int(bounds, 0, 1)};
    while (left.low < left.high)
        if (!remove_batch(c, target, indexes_missing == 0, &left, err))
            return false;
    return true;
}

static bool remove_rows(struct coordinator *c, struct pgx_conn *conn, bool source, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *owned = NULL;

    if (!pgx_query(
            conn, UNDO_TIMEOUT_US, source ? sql_undo_source_rows : sql_undo_target_rows,
            PGX_ARGS(PGX_UUID(&c->endpoints.owner.tenant), PGX_UUID(&c->endpoints.owner.migration),
                     PGX_INT(c->endpoints.owner.epoch),
                     PGX_INT(source ? c->endpoints.source.relation_oid : c->endpoints.target.relation_oid)),
            &owned, err))
        return err_wrap(err, "removing a migration's rows");
    return pgx_int(owned, 0, 0) > 0 ||
           err_set(err, TMV_ERR_OWNERSHIP, "another engine owns the migration in %s", pgx_place(conn));
}

static bool remove_guard(struct coordinator *c, struct pgx_conn *conn, const struct guard *guard,
                         const char *store, struct tmv_error *err)
{
    bool source = strcmp(store, "source") == 0;
    char why[GUARD_WHY_MAX] = "";
    char note[TMV_REASON_MAX];

    if (!fault_hit("abort.before_guard_removed", err))
        return false;
    for (int i = 0; i < REMOVE_ROUNDS; i++) {
        if (!guard_remove(conn, guard, false, why, err))
            return false;
        if (!why[0])
            break;
        snprintf(note, sizeof note, "%s; the fence is off: writers are not held", why);
        if (!coordinator_report_step(c, "waiting for a quiet moment to drop the guard's triggers", note, err))
            return false;
    }
    if (why[0]) {
        err_set(err, TMV_ERR_TIMEOUT, "the guard's triggers on the %s cannot be dropped now: %s", store, why);
        return err_hint(err, "let that transaction end; the fence is off, so writers are not held");
    }
    return fault_hit(source ? "abort.source_guard_removed" : "abort.target_guard_removed", err) &&
           remove_rows(c, conn, source, err) &&
           fault_hit(source ? "abort.source_clean" : "abort.target_clean", err);
}

static bool empty_ledger(struct coordinator *c, const char *store, struct tmv_error *err)
{
    struct ledger_entry *entries = NULL;
    size_t count = 0;
    bool ok = control_ledger_list(c->control, &c->endpoints.owner.migration, NULL, &entries, &count, err);

    for (size_t i = 0; ok && i < count; i++)
        if (!store || strcmp(entries[i].store, store) == 0)
            ok = control_ledger_done(c->control, &c->endpoints.owner, entries[i].id, err) &&
                 fault_hit("abort.ledger_row", err);
    control_ledger_free(entries, count);
    return ok && fault_hit("abort.ledger_empty", err);
}

static bool stores_were_touched(struct coordinator *c, bool *ret_touched, struct tmv_error *err)
{
    struct ledger_entry *entries = NULL;
    size_t count = 0;

    if (!control_ledger_list(c->control, &c->endpoints.owner.migration, NULL, &entries, &count, err))
        return false;
    control_ledger_free(entries, count);
    *ret_touched = count > 0;
    return true;
}

/* From here on nothing arrives on the target, and writers of the source are not held. */
static bool close_both(struct coordinator *c, struct pgx_conn *source, struct pgx_conn *target,
                       struct tmv_error *err)
{
    return guard_prepare_store(source, &c->endpoints.source, err) &&
           guard_prepare_store(target, &c->endpoints.target, err) &&
           fault_hit("abort.stores_prepared", err) && guard_raise_owner(source, &c->source_guard, err) &&
           guard_raise_owner(target, &c->target_guard, err) && target_is_not_home(c, target, err) &&
           stop_arrivals(c, target, err) && fence_off(c, source, err);
}

static bool clean_stores(struct coordinator *c, bool keep_events, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *source = NULL;
    AUTO_CONN struct pgx_conn *target = NULL;

    /* The target may be back since it could not be taken over: what it holds was never read then. */
    coordinator_disconnect_stores(c);
    if (!coordinator_report_step(c, "aborting", "", err) ||
        (c->applied == APPLIED_UNKNOWN && !takeover_raise_target(c, err)) ||
        !endpoints_connect_source(&c->endpoints, "abort", &source, err) ||
        !endpoints_connect_target(&c->endpoints, "abort", &target, err))
        return false;
    if (!close_both(c, source, target, err))
        return false;
    if (c->applied != APPLIED_NONE && !keep_events && !remove_events(c, target, err))
        return false;
    return bulk_copier_restore_indexes(&c->endpoints, c->control, err) &&
           fault_hit("abort.indexes_restored", err) &&
           remove_guard(c, target, &c->target_guard, "target", err) &&
           remove_guard(c, source, &c->source_guard, "source", err) && empty_ledger(c, NULL, err);
}

static bool target_can_be_reached(struct coordinator *c)
{
    AUTO_CONN struct pgx_conn *target = NULL;
    struct tmv_error ignored;

    return endpoints_connect_target(&c->endpoints, "abort", &target, &ignored);
}

/* Whether the target may be what stands in the way, and may be left as it is for now: its guard keeps it
 * closed, and its rows in the ledger stay open. Never when it is the tenant's home, when we are late or
 * stopped, or when a connection was lost that can be made again. */
static bool may_leave_target(struct coordinator *c, const struct tmv_error *err)
{
    bool lost =
        err->code == TMV_ERR_UNREACHABLE || err->code == TMV_ERR_TIMEOUT || err->code == TMV_ERR_UNKNOWN;

    return !c->target_is_home && err->code != TMV_ERR_OWNERSHIP && err->code != TMV_ERR_CANCELLED &&
           err->code != TMV_ERR_INTERNAL && pgx_is_usable(c->control) && !(lost && target_can_be_reached(c));
}

/* The source's half of an abort: refused like the whole one when the tenant has moved. */
static bool free_source(struct coordinator *c, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *source = NULL;

    return endpoints_connect_source(&c->endpoints, "abort", &source, err) &&
           guard_prepare_store(source, &c->endpoints.source, err) &&
           guard_raise_owner(source, &c->source_guard, err) && fence_off(c, source, err) &&
           remove_guard(c, source, &c->source_guard, "source", err) && empty_ledger(c, "source", err);
}

/* The copied events come first. When the target cannot be read or written, the source is freed all the same;
 * what is left on the target is removed by whichever engine reaches it first. `left` says why it was left, ""
 * when it was not. */
static bool clean_what_can_be_reached(struct coordinator *c, bool keep_events, char left[TMV_REASON_MAX],
                                      struct tmv_error *err)
{
    struct tmv_error why;

    left[0] = '\0';
    if (clean_stores(c, keep_events, &why))
        return true;
    if (!may_leave_target(c, &why) || keep_events || !free_source(c, err)) {
        *err = why;
        return false;
    }
    snprintf(left, TMV_REASON_MAX, "%.380s", why.message);
    return true;
}

bool phase_abort(struct coordinator *c, const struct command_row *command, struct tmv_error *err)
{
    AUTO_FREE char *details = NULL;
    const char *why = command && command->reason[0] ? command->reason : "resumed after an interruption";
    char left[TMV_REASON_MAX] = "", outcome[TMV_REASON_MAX];
    bool touched = false;
    cJSON *o;

    if (!stores_were_touched(c, &touched, err) ||
        (touched && !clean_what_can_be_reached(c, command && command->keep_copied_events, left, err)))
        return err_wrap(err, "aborting");
    o = cJSON_CreateObject();
    json_add_text(o, "reason", why);
    if (left[0])
        json_add_text(o, "target_left_because", left);
    json_add_bool(o, "copied_events_kept", command && command->keep_copied_events);
    details = json_print(o);
    cJSON_Delete(o);
    const struct move_note note = {
        .reason = why, .details = details, .operator_name = command ? command->requested_by : NULL};
    snprintf(outcome, sizeof outcome, "aborted; the source is as it was%s%.300s",
             left[0] ? "; the target is cleaned when it can be used again: " : "", left);
    if (!move_apply(c, MOVE_ABORT, &note, err) ||
        !coordinator_answer(c, command, TMV_COMMAND_DONE, outcome, err))
        return false;
    c->ended = true;
    return coordinator_report_step(c, "aborted", why, err);
}

/* Whether the source says that this migration has moved the tenant. Without an applied row nothing was ever
 * drained. */
static bool read_decision(struct coordinator *c, bool *ret_moved, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *source = NULL;
    struct fence fence;
    bool found = false;

    *ret_moved = false;
    if (c->applied == APPLIED_NONE)
        return true;
    if (!endpoints_connect_source(&c->endpoints, "abort", &source, err) ||
        !guard_read_fence(source, &c->source_guard, &fence, &found, err))
        return false;
    *ret_moved = found && fence.state == FENCE_MOVED &&
                 tmv_uuid_equal(&fence.migration, &c->endpoints.owner.migration);
    return true;
}

bool phase_ended(struct coordinator *c, struct tmv_error *err)
{
    bool touched = false;
    bool moved = false;

    /* With control elsewhere the other program may have been later than the decision, which control did not
     * show yet: the fence outranks the phase. */
    if (!read_decision(c, &moved, err))
        return false;
    if (moved && !fault_is_mutant("ended.phase_before_fence"))
        return phase_mirroring(c, err);
    if (!control_attempt_close(c->control, &c->endpoints.owner, "another program ended the migration", err) ||
        !stores_were_touched(c, &touched, err) || (touched && !clean_stores(c, false, err)))
        return err_wrap(err, "taking back what a migration left that another program ended");
    c->ended = true;
    return !touched || coordinator_report_step(c, "taken back", "another program ended this migration", err);
}

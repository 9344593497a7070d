/* Hold-down: the tenant has moved, and the store that it has left is kept current by leg 2 of the migration,
 * so that whoever still reads there sees what is written to the new home.
 *
 * Nothing here makes a writer wait: when the old store is away, full or slow, the leg is behind, and that is
 * all. Nothing ends by itself either; `finalize` ends it. */
#include "engine/coordinator.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/move.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/log.h"
#include "lib/text.h"
#include "move/shared/partitions.h"
#include "move/verify/ordinal_verifier.h"
#include "sql_embedded.h"

#define REPORT_US US_PER_S
/* For what is there when the end is asked for to be carried and proven. */
#define LAST_PROOF_US (10 * US_PER_S)

struct hold {
    struct coordinator *c;
    struct endpoints endpoints; /* of leg 2 */
    struct tailer tail;
    struct ordinal_verifier verifier;
    bool difference_told;
};

static void hold_auto(struct hold *h)
{
    ordinal_verifier_release(&h->verifier);
    tailer_release(&h->tail);
}

/* ---- beginning ---- */

/* What the new home has and the old one lacks would be lost on the way without a word. */
static bool columns_fit(const struct hold *h, struct tmv_error *err)
{
    const struct store_shape *from = &h->endpoints.source, *to = &h->endpoints.target;

    for (size_t i = 0; i < from->column_count; i++) {
        const struct store_column *column = &from->columns[i];

        if (!store_column_is_watched(column, store_shape_column(to, column->name)))
            continue;
        err_set(err, TMV_ERR_REFUSED, "column %s of store %s cannot be carried back to store %s",
                column->name, h->endpoints.source_store.id, h->endpoints.target_store.id);
        snprintf(err->sqlstate, sizeof err->sqlstate, "TM143");
        return err_hint(err,
                        "add a column of that name and type to %s there, or give that store up: tenantmv "
                        "finalize --abandon-source",
                        to->events);
    }
    return true;
}

static bool begin(struct hold *h, struct tmv_error *err)
{
    struct coordinator *c = h->c;

    return columns_fit(h, err) && tailer_connect(&h->tail, err) && tailer_check_not_ahead(&h->tail, err) &&
           ordinal_verifier_connect(&h->verifier, c->row.verified_to, err);
}

/* ---- what screens see ---- */

static bool report_hold(struct hold *h, struct tmv_error *err)
{
    struct coordinator *c = h->c;
    const struct tmv_gate none[1];
    struct migration_progress p = {.gates = none, .sample = true, .works = true};
    char note[TMV_REASON_MAX] = "";
    int64_t behind = 0;

    figure_set(&p.figures, TMV_FIGURE_LAG, tailer_lag_us(&h->tail));
    if (!tailer_count_behind(&h->tail, &behind, err))
        return false;
    figure_set(&p.figures, TMV_FIGURE_LAG_EVENTS, behind);
    figure_set(&p.figures, TMV_FIGURE_WATERMARK, h->tail.watermark);
    figure_set(&p.figures, TMV_FIGURE_VERIFIED_TO, h->verifier.proven.from);
    if (h->verifier.differs)
        snprintf(note, sizeof note,
                 "the old store differs after position %" PRId64 ": it has %" PRId64
                 " events, the new store %" PRId64,
                 h->verifier.proven.from, h->verifier.target_events, h->verifier.source_events);
    p.step = "keeping the old store current";
    p.note = note;
    c->reported_us = clock_now_us();
    return control_report_progress(c->control, &c->endpoints.owner, &p, err);
}

/* Once: it does not change any more. */
static bool tell_difference(struct hold *h, struct tmv_error *err)
{
    struct tmv_error told = {.code = TMV_ERR_DIVERGED};

    if (!h->verifier.differs || h->difference_told)
        return true;
    h->difference_told = true;
    snprintf(told.message, sizeof told.message,
             "the old store %s differs from %s after position %" PRId64
             " of the new store, which has %" PRId64 " events there; the old store has %" PRId64,
             h->endpoints.target_store.id, h->endpoints.source_store.id, h->verifier.proven.from,
             h->verifier.source_events, h->verifier.target_events);
    return move_report_error(h->c, &told, err);
}

/* ---- the end ---- */

const char hold_ended[] = "the old store is not kept current any more";

/* Everything that is in the new home now is carried back and proven; what is written later is not. *ret_why:
 * "" it is. */
static bool prove_all(struct hold *h, char why[TMV_REASON_MAX], struct tmv_error *err)
{
    int64_t until = clock_now_us() + LAST_PROOF_US;
    int64_t goal = 0;
    bool behind = false;

    why[0] = '\0';
    if (!guard_sequence_value(h->tail.source, &h->endpoints.source, &goal, err))
        return false;
    while (h->verifier.proven.from < goal && !h->verifier.differs && clock_now_us() < until)
        if (!tailer_turn(&h->tail, &behind, err) || !ordinal_verifier_step(&h->verifier, err))
            return false;
    if (h->verifier.differs)
        snprintf(why, TMV_REASON_MAX, "the old store differs after position %" PRId64,
                 h->verifier.proven.from);
    else if (h->verifier.proven.from < goal)
        snprintf(why, TMV_REASON_MAX,
                 "the old store is not proven equal yet: up to position %" PRId64 " of %" PRId64,
                 h->verifier.proven.from, goal);
    return true;
}

/* Each step is a compare-and-set that may have been made before: an end that was interrupted begins here. */
static bool end_leg(struct coordinator *c, struct pgx_conn *old_store, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!pgx_query(old_store, CONTROL_TIMEOUT_US, sql_hold_leg_done,
                   PGX_ARGS(PGX_UUID(&c->endpoints.owner.migration), PGX_INT(BACK_LEG),
                            PGX_INT(c->endpoints.owner.epoch)),
                   &row, err))
        return err_wrap(err, "ending the way back");
    if (pgx_rows(row) != 1)
        return err_set(err, TMV_ERR_OWNERSHIP, "the way back is not ours to end");
    return fault_hit("finalize.leg_ended", err);
}

static bool finish(struct coordinator *c, const struct move_note *note, struct tmv_error *err)
{
    if (!move_apply(c, MOVE_FINALIZE, note, err) || !coordinator_report_step(c, "completed", "", err))
        return false;
    c->ended = true;
    return true;
}

/* From here on there is no way back. */
static bool begin_the_end(struct coordinator *c, struct tmv_error *err)
{
    const struct ending_change change = {.from = ENDING_HOLD, .to = ENDING_FINALIZING};
    bool changed = false;

    if (c->row.ending == ENDING_FINALIZING)
        return true;
    if (!control_ending_change(c->control, &c->endpoints.owner, &change, &changed, err) ||
        !fault_hit("finalize.begun", err))
        return false;
    return changed || err_set(err, TMV_ERR_CONFLICT, "another program changed how the migration ends");
}

static bool finalize(struct hold *h, const struct command_row *command, struct tmv_error *err)
{
    struct coordinator *c = h->c;
    const struct move_note note = {.operator_name = command->requested_by};
    char why[TMV_REASON_MAX];

    if (!prove_all(h, why, err))
        return false;
    if (why[0])
        return coordinator_answer(c, command, TMV_COMMAND_REFUSED, why, err);
    return begin_the_end(c, err) && end_leg(c, h->tail.target, err) && finish(c, &note, err) &&
           coordinator_answer(c, command, TMV_COMMAND_DONE, hold_ended, err);
}

/* An old store that is there all the same is told that nothing comes any more. */
static void end_leg_if_it_answers(struct coordinator *c)
{
    AUTO_CONN struct pgx_conn *old_store = NULL;
    struct tmv_error err;

    if (!endpoints_connect_source(&c->endpoints, "finalize", &old_store, &err) ||
        !end_leg(c, old_store, &err))
        log_error(TMV_LOG_WARN, "an old store that is given up", &err);
}

bool hold_abandon(struct coordinator *c, const struct command_row *command, struct tmv_error *err)
{
    const struct move_note note = {.operator_name = command->requested_by,
                                   .reason = command->reason,
                                   .details = "{\"finalized\":true,\"source_abandoned\":true}"};

    if (!begin_the_end(c, err))
        return false;
    end_leg_if_it_answers(c);
    return finish(c, &note, err) &&
           coordinator_answer(c, command, TMV_COMMAND_DONE, "the old store was given up; it was not compared",
                              err);
}

/* An engine was lost in the middle; the command waits again. */
static bool go_on_finalizing(struct coordinator *c, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *old_store = NULL;
    struct command_row command;
    bool found = false;

    if (!endpoints_connect_source(&c->endpoints, "finalize", &old_store, err) ||
        !end_leg(c, old_store, err) || !finish(c, NULL, err) ||
        !control_command_take(c->control, &c->endpoints.owner, &command, &found, err))
        return false;
    return !found || coordinator_answer(c, &command, TMV_COMMAND_DONE, hold_ended, err);
}

/* ---- the loop ---- */

/* What was there at the decision is compared on the connections of the move. */
static bool verify(struct coordinator *c, const struct command_row *command, struct tmv_error *err)
{
    bool moved = false;
    bool ok = coordinator_connect_stores(c, &moved, err) && coordinator_verify_completed(c, command, err);

    coordinator_disconnect_stores(c);
    return ok;
}

static bool hear(struct hold *h, struct tmv_error *err)
{
    struct coordinator *c = h->c;

    if (!coordinator_poll(c, err))
        return false;
    if (!c->deferred_waits)
        return true;
    c->deferred_waits = false;
    if (c->deferred.operation != TMV_OP_FINALIZE)
        return verify(c, &c->deferred, err);
    return c->deferred.force ? hold_abandon(c, &c->deferred, err) : finalize(h, &c->deferred, err);
}

static bool keep_current(struct hold *h, struct tmv_error *err)
{
    struct coordinator *c = h->c;
    bool behind = false;

    while (!c->ended) {
        if (!tailer_turn(&h->tail, &behind, err) || !ordinal_verifier_step(&h->verifier, err) ||
            !tell_difference(h, err) || !hear(h, err))
            return false;
        if (!c->ended && clock_now_us() - c->reported_us >= REPORT_US && !report_hold(h, err))
            return false;
    }
    return true;
}

/* What a server said while events were carried. */
static bool explain(const struct hold *h, struct tmv_error *err)
{
    if (err->code != TMV_ERR_SQL || (err_is_sqlstate(err, "23514") && partitions_explain(&h->endpoints, err)))
        return false;
    if (text_starts(err->sqlstate, "22") || text_starts(err->sqlstate, "23"))
        err_hint(err,
                 "the old store does not take a value that the new one holds: change its type, domain or "
                 "constraint to be like the new store's, or give it up: tenantmv finalize "
                 "--abandon-source");
    return false;
}

bool phase_hold(struct coordinator *c, struct tmv_error *err)
{
    AUTO(hold) struct hold h = {.c = c};

    if (c->options->held)
        atomic_store(c->options->held, true);
    coordinator_disconnect_stores(c);
    endpoints_reverse(&c->endpoints, BACK_LEG, &h.endpoints);
    tailer_init(&h.tail, &h.endpoints, &c->target_guard);
    ordinal_verifier_init(&h.verifier, &h.endpoints);
    if (c->row.ending == ENDING_FINALIZING)
        return go_on_finalizing(c, err);
    log_info("migration %s: store %s is kept current", c->endpoints.migration, h.endpoints.target_store.id);
    return (begin(&h, err) && keep_current(&h, err)) || explain(&h, err);
}

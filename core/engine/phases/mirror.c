/* Mirroring: the tail, the verification that keeps up with it, the gates, and the cutover. */
#include "engine/coordinator.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/text.h"
#include "move/copy/eta.h"
#include "move/cutover/resolve.h"
#include "engine/takeover.h"
#include "move/verify/verify_total.h"
#include "engine/move.h"
#include "sql_embedded.h"

#define REPORT_US US_PER_S
#define CAUGHT_UP_US (100 * US_PER_MS) /* lag below which bulk_copy becomes dual_write */
#define CATCH_UP_US (3 * US_PER_S)     /* for the lag to fall below its gate once a cutover is asked for */
#define GREEN_PATIENCE_US US_PER_S     /* for a red gate once a cutover is asked for */
#define GREEN_PAUSE_US (20 * US_PER_MS)
#define HOLD_PATIENCE_US US_PER_S  /* for the verification's current range before a cutover */
#define PROVE_US (10 * US_PER_S)   /* for the verification to be as far as the tail then */
#define COUNT_US (10 * US_PER_S)   /* for both stores to count what has moved */
#define HEARD_US (500 * US_PER_MS) /* from then on other commands are looked for meanwhile */

/* ---- connections ---- */

/* A server had forgotten what was decided. */
static bool tell_mended(struct coordinator *c, const struct resolution *resolution, struct tmv_error *err)
{
    struct tmv_error told = {.code = TMV_ERR_DIVERGED};

    if (!resolution->mended)
        return true;
    text_copy(told.message, sizeof told.message, resolution->told);
    log_warn("migration %s: %s", c->endpoints.migration, told.message);
    return move_report_error(c, &told, err);
}

/* A cutover that did not decide: back to dual_write. */
static bool roll_back_phase(struct coordinator *c, const char *why, const char *who, struct tmv_error *err)
{
    const struct move_note note = {.reason = why, .operator_name = who};

    return move_apply(c, MOVE_ROLL_BACK, &note, err);
}

bool coordinator_connect_stores(struct coordinator *c, bool *ret_moved, struct tmv_error *err)
{
    struct resolution resolution;

    coordinator_disconnect_stores(c);
    tailer_init(&c->tailer, &c->endpoints, &c->source_guard);
    cutover_manager_init(&c->cutover, &c->endpoints, &c->tailer);
    c->cutover.source_guard = &c->source_guard;
    c->cutover.target_guard = &c->target_guard;
    c->cutover.control = c->control;
    c->cutover.facts = &c->facts;
    c->connected = true;
    if (!tailer_connect(&c->tailer, err) || !cutover_manager_connect(&c->cutover, err) ||
        !coordinator_load_facts(c, err) ||
        !cutover_resolve(&c->cutover, c->row.phase == TMV_PHASE_COMPLETED, &resolution, err) ||
        !tell_mended(c, &resolution, err))
        return false;
    *ret_moved = resolution.moved;
    if (resolution.moved || c->row.phase == TMV_PHASE_COMPLETED)
        return true;
    /* Before anything that may say no: in that phase nobody could abort. */
    if (c->row.phase == TMV_PHASE_CUTOVER && !roll_back_phase(c, c->unfinished, NULL, err))
        return false;
    /* Before anything is compared: columns that are other ones now are no sign of a source that lost data. */
    return coordinator_look_at_facts(c, err) &&
           (fact_watch_is_void(&c->facts, NULL, 0) || tailer_check_not_ahead(&c->tailer, err));
}

void coordinator_disconnect_stores(struct coordinator *c)
{
    verify_worker_stop(&c->verifier);
    for (int i = 0; i < SIDE_COUNT; i++)
        pgx_close(TAKE(c->sessions[i]));
    if (!c->connected)
        return;
    cutover_manager_release(&c->cutover);
    tailer_release(&c->tailer);
    c->connected = false;
}

/* Sessions of their own, which the servers do not let count for longer: what comes late is nobody's answer.
 */
static bool connect_to_count(const struct coordinator *c, struct pgx_conn **ret_source,
                             struct pgx_conn **ret_target, struct tmv_error *err)
{
    const struct pgx_args limit = PGX_ARGS(PGX_INT(COUNT_US / US_PER_MS));

    return endpoints_connect_source(&c->endpoints, "count", ret_source, err) &&
           endpoints_connect_target(&c->endpoints, "count", ret_target, err) &&
           pgx_query(*ret_source, COUNT_US, sql_store_statement_limit, limit, NULL, err) &&
           pgx_query(*ret_target, COUNT_US, sql_store_statement_limit, limit, NULL, err);
}

/* How many events of the tenant both stores hold up to the decision. What one of them does not tell in time
 * stays as it was counted on the way. */
static void count_moved(const struct coordinator *c, struct figures *ret_figures)
{
    AUTO_CONN struct pgx_conn *source = NULL;
    AUTO_CONN struct pgx_conn *target = NULL;
    const struct position_span span = {.low = INT64_MIN, .high = c->tailer.watermark};
    struct tenant_total totals[SIDE_COUNT];
    struct tmv_error ignored;

    if (!connect_to_count(c, &source, &target, &ignored))
        return;
    const struct verifier_task task = {.endpoints = &c->endpoints, .source = source, .target = target};
    if (!verifier_total(&task, &span, COUNT_US, totals, &ignored))
        return;
    int64_t here = totals[SIDE_SOURCE].inside, there = totals[SIDE_TARGET].inside;
    figure_set(ret_figures, TMV_FIGURE_EVENTS_TOTAL, here < there ? here : there);
    figure_set(ret_figures, TMV_FIGURE_EVENTS_COPIED, here < there ? here : there);
}

/* What a completed migration shows from now on: nothing is measured any more. */
static bool report_final(struct coordinator *c, struct tmv_error *err)
{
    const struct tmv_gate none[1];
    struct migration_progress p = {.gates = none};

    figure_set(&p.figures, TMV_FIGURE_WATERMARK, c->tailer.watermark);
    if (c->cutover.verified_to == c->tailer.watermark)
        figure_set(&p.figures, TMV_FIGURE_VERIFIED_TO, c->cutover.verified_to);
    return control_report_progress(c->control, &c->endpoints.owner, &p, err) &&
           fault_hit("follow.figures", err);
}

/* Only shown, and a store may be slow to tell: nothing else waits for it, or fails with it. */
static void report_moved(struct coordinator *c)
{
    struct migration_progress p = {0};
    struct tmv_error err;

    count_moved(c, &p.figures);
    if (!control_report_progress(c->control, &c->endpoints.owner, &p, &err) ||
        !fault_hit("follow.counted", &err))
        log_error(TMV_LOG_WARN, c->endpoints.migration, &err);
}

/* The decision's consequences are done; until this is written, every engine may take the migration up. */
static bool settle(struct coordinator *c, const char *operator_name, struct tmv_error *err)
{
    bool open = false;

    if (!fault_hit("follow.before_settle", err) ||
        !control_unsettled(c->control, &c->endpoints.owner.migration, &open, err))
        return false;
    if (!open)
        return true;
    if (!report_final(c, err) || !control_settle(c->control, &c->endpoints.owner, err) ||
        !fault_hit("follow.settled", err))
        return false;
    move_completed(c, operator_name);
    report_moved(c);
    return true;
}

/* The end, unless the old store is to be kept current. */
static bool complete(struct coordinator *c, const char *who, struct tmv_error *err)
{
    if (!settle(c, who, err) ||
        !control_migration_get(c->control, &c->endpoints.owner.migration, &c->row, err))
        return false;
    c->ended = !ending_is_open(c->row.ending);
    return true;
}

/* The fence says moved, and control does not know it yet: finish (the fence outranks the phase). */
static bool follow_decision(struct coordinator *c, struct tmv_error *err)
{
    const struct move_note note = {.details = "{\"followed\":true}"};

    return move_apply(c, MOVE_FOLLOW_DECISION, &note, err) && complete(c, NULL, err);
}

bool phase_undecided(struct coordinator *c, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *source = NULL;
    struct resolve_side side = {0};
    struct tmv_error ignored;

    if (c->row.phase == TMV_PHASE_CUTOVER && err->code != TMV_ERR_OWNERSHIP &&
        takeover_raise_source(c, &ignored) &&
        endpoints_connect_source(&c->endpoints, "undecided", &source, &ignored) &&
        resolve_read(source, &c->source_guard, &c->endpoints.owner.migration, &side, &ignored) && side.ours &&
        side.state == FENCE_OPEN && !roll_back_phase(c, c->unfinished, NULL, &ignored))
        log_error(TMV_LOG_WARN, c->endpoints.migration, &ignored);
    return false;
}

static bool connect_and_resolve(struct coordinator *c, struct tmv_error *err)
{
    bool moved = false;

    if (c->connected) /* our own cutovers leave this phase before they return */
        return c->row.phase != TMV_PHASE_CUTOVER ||
               roll_back_phase(c, "another program set the phase: no cutover was begun", NULL, err);
    if (!coordinator_report_step(c, "connecting", "", err) || !coordinator_connect_stores(c, &moved, err))
        return false;
    if (moved)
        return follow_decision(c, err);
    return coordinator_start_verifier(c, err);
}

/* ---- what screens see ---- */

static void describe(const struct coordinator *c, const struct verify_progress *v, char *step, size_t size,
                     char *note, size_t note_size)
{
    char cause[ERR_CAUSE_MAX];

    note[0] = '\0';
    if (fact_watch_is_void(&c->facts, note, note_size)) {
        text_copy(step, size, "mirroring has stopped");
        return;
    }
    if (c->row.phase == TMV_PHASE_BULK_COPY)
        text_copy(step, size, "catching up");
    else
        snprintf(step, size, "mirroring; verified to %" PRId64, v->verified_to);
    if (v->differs)
        snprintf(note, note_size, "verification found %" PRId64 " differences%s: cutover is refused",
                 v->report.differences, c->cutover.differs_in);
    else if (v->problem.code != TMV_OK)
        snprintf(note, note_size, "verification waits: %.300s", err_cause_first(&v->problem, cause));
}

static void first_red(const struct tmv_gate *gates, size_t count, char *note, size_t size)
{
    for (size_t i = 0; i < count && !note[0]; i++)
        if (!gates[i].green)
            snprintf(note, size, "%.39s: %.159s", gates[i].name, gates[i].seen);
}

/* From where it began on this connection, or began again. By events: positions may be far apart. What an
 * earlier engine had proven is not known as a number of events, so nothing is said then. */
static int64_t verification_eta_us(struct coordinator *c, const struct verify_progress *v, int64_t events,
                                   int64_t now)
{
    int64_t verified = v->report.events_source;

    if (!c->verified_since_us || verified < c->verified_from) {
        c->verified_since_us = now;
        c->verified_from = verified;
    }
    if (v->differs || v->report.from_position > 0)
        return -1;
    return eta_of_verification_us(verified - c->verified_from, events - verified, now - c->verified_since_us);
}

/* Also of a column that is not copied, because it had no values at the start. */
static void name_columns(const struct tmv_verify_report *report, char *text, size_t size)
{
    const struct tmv_difference *first = &report->found[0];
    bool by_columns =
        strcmp(first->kind, "differs") == 0 && first->columns[0] && !tmv_uuid_is_nil(&first->event_id);

    text[0] = '\0';
    if (by_columns)
        snprintf(text, size, " (column%s %s)", strchr(first->columns, ',') ? "s" : "", first->columns);
}

/* What the verification says now, for the gates. */
static void look_at_verifier(struct coordinator *c, struct verify_progress *ret_progress)
{
    verify_worker_look(&c->verifier, ret_progress);
    c->cutover.verified_to = ret_progress->verified_to;
    c->cutover.total_compared = ret_progress->total_at_us > 0;
    c->cutover.repairing = ret_progress->repairing;
    c->cutover.differences = ret_progress->differs ? ret_progress->report.differences : 0;
    c->cutover.differs_at = ret_progress->differs ? ret_progress->report.found[0].position : 0;
    name_columns(&ret_progress->report, c->cutover.differs_in, sizeof c->cutover.differs_in);
}

/* The figures of a report, each as it is measured. */
static bool measure(struct coordinator *c, const struct verify_progress *v, struct figures *ret_figures,
                    struct tmv_error *err)
{
    int64_t now = clock_now_us();
    int64_t total = c->copied_events + c->tailer.events;
    int64_t behind;

    if (!tailer_count_behind(&c->tailer, &behind, err))
        return false;
    if (c->reported_us && now > c->reported_us)
        figure_set(ret_figures, TMV_FIGURE_RATE,
                   (total - c->reported_events) * US_PER_S / (now - c->reported_us));
    c->reported_events = total;
    c->reported_us = now;
    figure_set(ret_figures, TMV_FIGURE_EVENTS_TOTAL, total + behind);
    figure_set(ret_figures, TMV_FIGURE_EVENTS_COPIED, total);
    figure_set(ret_figures, TMV_FIGURE_LAG_EVENTS, behind);
    figure_set(ret_figures, TMV_FIGURE_VERIFIED_TO, v->verified_to);
    figure_set(ret_figures, TMV_FIGURE_WATERMARK, c->tailer.watermark);
    figure_set(ret_figures, TMV_FIGURE_ETA, verification_eta_us(c, v, total, now));
    figure_set(ret_figures, TMV_FIGURE_PREDICTED_PAUSE, cutover_predict_us(&c->cutover));
    return true;
}

static bool report(struct coordinator *c, bool *ret_green, struct tmv_error *err)
{
    struct tmv_gate gates[TMV_GATES_MAX];
    const struct cutover_conditions conditions = {.settings = &c->row.settings, .paused = c->row.paused};
    struct verify_progress v;
    struct migration_progress p = {.gates = gates, .sample = true, .works = true};
    char step[80], note[TMV_REASON_MAX];

    /* Before the report's own questions, for which the tail waits. */
    figure_set(&p.figures, TMV_FIGURE_LAG, tailer_lag_us(&c->tailer));
    look_at_verifier(c, &v);
    if (!coordinator_look_at_facts(c, err) ||
        !cutover_gates(&c->cutover, &conditions, gates, &p.gate_count, ret_green, err) ||
        !measure(c, &v, &p.figures, err))
        return false;
    *ret_green = *ret_green && c->row.phase == TMV_PHASE_DUAL_WRITE;
    describe(c, &v, step, sizeof step, note, sizeof note);
    first_red(gates, p.gate_count, note, sizeof note);
    p.ready = *ret_green;
    p.step = step;
    p.note = note;
    return fault_hit("mirror.before_progress", err) &&
           control_report_progress(c->control, &c->endpoints.owner, &p, err) &&
           fault_hit("mirror.progress", err);
}

/* A pause that was just measured is news: who rehearsed wants to go on. */
static bool is_report_due(const struct coordinator *c)
{
    return clock_now_us() - c->reported_us >= REPORT_US || c->cutover.last_pause_at_us > c->reported_us;
}

/* ---- the loop ---- */

static bool begin_dual_write(struct coordinator *c, struct tmv_error *err)
{
    return fault_hit("mirror.before_dual_write", err) && move_apply(c, MOVE_BEGIN_DUAL_WRITE, NULL, err) &&
           control_audit(c->control, &c->endpoints.owner, AUDIT_VERIFICATION_STARTED, "{\"level\":\"hash\"}",
                         NULL, err) &&
           fault_hit("mirror.verification_started", err);
}

/* Somebody paused it, or what could still be mirrored leads nowhere. */
static bool is_stopped(const struct coordinator *c)
{
    return c->row.paused || fact_watch_is_void(&c->facts, NULL, 0);
}

static bool one_turn(struct coordinator *c, struct tmv_error *err)
{
    bool behind = false;
    bool green = false;

    bool stopped = is_stopped(c);
    if (stopped) {
        if (!pgx_wait_readable(c->control, 50 * US_PER_MS, err))
            return false;
    } else if (!tailer_turn(&c->tailer, &behind, err)) {
        return false;
    }
    if (!coordinator_follow_verification(c, err))
        return false;
    if (is_report_due(c)) {
        if (!report(c, &green, err))
            return false;
        if (green && c->row.settings.auto_cutover)
            return phase_cutover(c, NULL, err);
    }
    int64_t lag_us = tailer_lag_us(&c->tailer);
    if (c->row.phase == TMV_PHASE_BULK_COPY && !behind && lag_us >= 0 && lag_us < CAUGHT_UP_US && !stopped)
        return begin_dual_write(c, err);
    return true;
}

static bool is_mirroring(const struct coordinator *c)
{
    return !c->ended && (c->row.phase == TMV_PHASE_BULK_COPY || c->row.phase == TMV_PHASE_DUAL_WRITE);
}

bool phase_mirroring(struct coordinator *c, struct tmv_error *err)
{
    if (!connect_and_resolve(c, err))
        return false;
    while (is_mirroring(c))
        if (!one_turn(c, err) || !coordinator_poll(c, err))
            return false;
    return true;
}

/* ---- cutover ---- */

/* While a cutover waits for the tail or the proof, another command is heard: the gates judge what is so then,
 * and the command is next. */
static bool other_command(struct coordinator *c, int64_t since_us, bool *ret_waits, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;

    if (clock_now_us() - since_us < HEARD_US)
        return true;
    if (!pgx_query(c->control, CONTROL_TIMEOUT_US, sql_control_command_waits,
                   PGX_ARGS(PGX_UUID(&c->endpoints.owner.migration)), &row, err))
        return false;
    *ret_waits = pgx_bool(row, 0, 0);
    if (*ret_waits)
        c->polled_us = 0;
    return true;
}

/* Proves the prefix up to where the tail is now, so that the pause verifies little, and that nothing came in
 * behind the proof. */
static bool verify_up_to_now(struct coordinator *c, struct tmv_error *err)
{
    int64_t asked = clock_now_us();
    int64_t deadline = asked + PROVE_US;
    struct verify_progress v;
    bool counts = false;
    bool called = false;

    verify_worker_recount(&c->verifier, &counts);
    for (;;) {
        bool behind;

        verify_worker_feed(&c->verifier, c->tailer.watermark);
        look_at_verifier(c, &v);
        bool close = c->tailer.watermark - v.verified_to <= VERIFY_CLOSE;
        bool counted = v.total_at_us > (counts ? asked : 0);
        if (v.differs || v.repairing || (close && counted))
            return true;
        if (!other_command(c, asked, &called, err))
            return false;
        if (called || clock_now_us() > deadline) {
            c->cutover.total_compared = c->cutover.total_compared && counted;
            return true;
        }
        if (!tailer_turn(&c->tailer, &behind, err))
            return false;
    }
}

static void describe_attempt(const struct tmv_attempt *a, char *text, size_t size)
{
    snprintf(text, size,
             "%s: writes were held for %s ms (lock %s, drain %s of %" PRId64 " events, decide %s)",
             tmv_attempt_outcome_name(a->outcome), DECIMAL((double)a->pause_us / US_PER_MS, 1),
             DECIMAL((double)a->lock_us / US_PER_MS, 1), DECIMAL((double)a->drain_us / US_PER_MS, 1),
             a->drained_events, DECIMAL((double)a->decide_us / US_PER_MS, 1));
}

/* A standby that fell silent holds every commit there, of the control tables too where they are on the
 * source: what happened is written without waiting for it. */
static bool tell_alone(struct coordinator *c, struct tmv_error *err)
{
    struct tmv_error told = {.code = TMV_ERR_TIMEOUT};

    if (!c->cutover.alone)
        return true;
    text_copy(told.message, sizeof told.message, cutover_alone);
    log_warn("migration %s: %s", c->endpoints.migration, told.message);
    return pgx_script(c->control, CONTROL_TIMEOUT_US, sql_control_commit_locally, 0, NULL, err) &&
           move_report_error(c, &told, err) && coordinator_report_step(c, "completed", told.message, err);
}

/* Control follows what the attempt came to. */
static bool record_attempt(struct coordinator *c, const struct cutover_request *request,
                           enum cutover_outcome outcome, const struct tmv_attempt *attempt,
                           struct tmv_error *err)
{
    if (!tell_alone(c, err))
        return false;
    if (request->rehearsal)
        return true;
    if (outcome == CUTOVER_ROLLED_BACK)
        return roll_back_phase(c, attempt->reason, request->requested_by, err);
    const struct move_note note = {.operator_name = request->requested_by};
    if (c->cutover.control_here)
        return true;
    return move_apply(c, MOVE_COMPLETE, &note, err)
               ? true
               : err_wrap(err, "the decision is made; control does not follow yet");
}

static bool answer_attempt(struct coordinator *c, const struct command_row *command,
                           enum cutover_outcome outcome, const struct tmv_attempt *attempt,
                           struct tmv_error *err)
{
    char told[TMV_REASON_MAX];

    if (outcome == CUTOVER_ROLLED_BACK)
        return coordinator_answer(c, command, TMV_COMMAND_FAILED, attempt->reason, err);
    describe_attempt(attempt, told, sizeof told);
    return coordinator_answer(c, command, TMV_COMMAND_DONE, told, err);
}

/* It ended, and what has to follow did not happen yet: its end is known all the same. */
static void keep_attempt(struct coordinator *c, int64_t number, const struct tmv_attempt *attempt)
{
    struct tmv_error ignored;

    if (attempt->outcome != TMV_ATTEMPT_UNKNOWN &&
        !control_attempt_end(c->control, &c->endpoints.owner, number, attempt, &ignored))
        log_error(TMV_LOG_WARN, c->endpoints.migration, &ignored);
}

static bool run_attempt(struct coordinator *c, const struct command_row *command, bool rehearsal,
                        struct tmv_error *err)
{
    const char *who = command ? command->requested_by : "schedule";
    const struct cutover_request request = {.settings = &c->row.settings,
                                            .rehearsal = rehearsal,
                                            .force = command && command->force,
                                            .requested_by = who};
    const struct move_note asked = {.operator_name = who};
    struct tmv_attempt attempt = {.rehearsal = rehearsal};
    enum cutover_outcome outcome = CUTOVER_UNKNOWN;
    int64_t number = 0;

    if (!control_attempt_begin(c->control, &c->endpoints.owner, rehearsal, who, &number, err) ||
        !fault_hit("cutover.attempt_noted", err) ||
        (!rehearsal && !move_apply(c, MOVE_BEGIN_CUTOVER, &asked, err)))
        return false;
    if (!fault_hit("cutover.begun", err) ||
        !cutover_attempt(&c->cutover, &request, &attempt, &outcome, err)) {
        keep_attempt(c, number, &attempt);
        return err_wrap(err, "cutover");
    }
    if (!record_attempt(c, &request, outcome, &attempt, err) || !fault_hit("cutover.recorded", err) ||
        !control_attempt_end(c->control, &c->endpoints.owner, number, &attempt, err) ||
        !fault_hit("cutover.attempt_ended", err))
        return false;
    if (!answer_attempt(c, command, outcome, &attempt, err))
        return false;
    return outcome != CUTOVER_COMPLETED || complete(c, who, err);
}

/* Whether a lag is still above its gate. */
static bool lags(struct coordinator *c, bool *ret_lags, struct tmv_error *err)
{
    const struct tmv_settings *s = &c->row.settings;
    int64_t events = 0;

    if (s->cutover_max_lag_events >= 0 && !tailer_count_behind(&c->tailer, &events, err))
        return false;
    int64_t lag_us = tailer_lag_us(&c->tailer);
    *ret_lags = lag_us < 0 || lag_us > s->cutover_max_lag_ms * US_PER_MS ||
                (s->cutover_max_lag_events >= 0 && events > s->cutover_max_lag_events);
    return true;
}

/* A busy machine lets single turns take longer than the gate allows: the lag is given some turns to fall
 * below it before it is judged. A paused migration is not mirrored, and is refused by its own gate. */
static bool catch_up(struct coordinator *c, bool *ret_lags, struct tmv_error *err)
{
    int64_t asked = clock_now_us();
    bool behind;
    bool lagging = false;
    bool called = false;

    do {
        *ret_lags = false;
        if (c->row.paused)
            return true;
        if (!tailer_turn(&c->tailer, &behind, err) || !lags(c, &lagging, err) ||
            !other_command(c, asked, &called, err))
            return false;
    } while (lagging && !called && clock_now_us() - asked < CATCH_UP_US);
    *ret_lags = lagging;
    return true;
}

/* What failed before an attempt began is told at once; the next ownership could only call it lost. Returns
 * false. */
static bool not_tried(struct coordinator *c, const struct command_row *command, const struct tmv_error *err)
{
    struct tmv_error ignored;
    char outcome[TMV_REASON_MAX];

    if (err->code == TMV_ERR_OWNERSHIP)
        return false;
    snprintf(outcome, sizeof outcome, "not tried, ask again: %.360s", err->message);
    (void)!coordinator_answer(c, command, TMV_COMMAND_FAILED, outcome, &ignored);
    return false;
}

/* Whether the registry still says what our connections were opened by: a decision sends the tenant's writers
 * to the target's name, not to the database that we filled. If not, the command is refused; the stores are
 * connected again, as the registry says now. A registry that does not answer says neither. */
static bool registry_agrees(struct coordinator *c, const struct command_row *command, struct tmv_error *err)
{
    struct tmv_error ignored;

    if (control_stores_hold(c->control, &c->endpoints.source_store, &c->endpoints.target_store, err))
        return true;
    if (err->code != TMV_ERR_CONFLICT)
        return not_tried(c, command, err);
    (void)!coordinator_answer(c, command, TMV_COMMAND_REFUSED, err->message, &ignored);
    return false;
}

/* A gate that flickers (the lag between two turns, a transaction that is just ending) gets a second to be
 * green. The tail goes on meanwhile. */
static bool wait_for_green(struct coordinator *c, const struct cutover_conditions *conditions,
                           struct tmv_gate gates[TMV_GATES_MAX], size_t *ret_count, bool *ret_green,
                           struct tmv_error *err)
{
    int64_t deadline = clock_now_us() + GREEN_PATIENCE_US;
    struct verify_progress v;
    bool behind;

    for (;;) {
        look_at_verifier(c, &v);
        if (!cutover_gates(&c->cutover, conditions, gates, ret_count, ret_green, err))
            return false;
        if (*ret_green || v.differs || v.repairing || conditions->paused ||
            fact_watch_is_void(&c->facts, NULL, 0) || clock_now_us() >= deadline)
            return true;
        if (!tailer_turn(&c->tailer, &behind, err))
            return false;
        verify_worker_feed(&c->verifier, c->tailer.watermark);
        if (!stop_sleep(c->options->stop, GREEN_PAUSE_US))
            return err_set(err, TMV_ERR_CANCELLED, "the engine stops");
    }
}

/* The gates are judged right after: what can still be mirrored and proven is. */
static bool get_close(struct coordinator *c, struct tmv_error *err)
{
    bool lags = false;

    if (!coordinator_look_at_facts(c, err))
        return false;
    return fact_watch_is_void(&c->facts, NULL, 0) ||
           (catch_up(c, &lags, err) && (lags || verify_up_to_now(c, err)));
}

/* Judges the gates, and again right before the attempt, when everything that takes a moment is done: what
 * held then may not hold any more. `why` is "" when nothing speaks against it. */
static bool judge_gates(struct coordinator *c, const struct command_row *command, char why[TMV_REASON_MAX],
                        struct tmv_error *err)
{
    const struct cutover_conditions conditions = {
        .settings = &c->row.settings, .paused = c->row.paused, .force = command && command->force};
    struct tmv_gate gates[TMV_GATES_MAX];
    size_t count = 0;
    bool green = false;
    bool behind;

    why[0] = '\0';
    if (!wait_for_green(c, &conditions, gates, &count, &green, err))
        return false;
    if (green) {
        /* The gates took a moment; the tail must be fresh when the lock is asked for. */
        if (!tailer_turn(&c->tailer, &behind, err))
            return false;
        verify_worker_hold(&c->verifier, HOLD_PATIENCE_US);
        if (!fault_hit("cutover.gates_judged", err))
            return false;
    }
    (void)cutover_gates_hold(gates, count, clock_now_us(), why);
    return true;
}

static bool try_cutover(struct coordinator *c, const struct command_row *command, struct tmv_error *err)
{
    char why[TMV_REASON_MAX];

    if (!get_close(c, err) || !judge_gates(c, command, why, err))
        return not_tried(c, command, err);
    if (why[0])
        return coordinator_answer(c, command, TMV_COMMAND_REFUSED, why, err);
    return registry_agrees(c, command, err) && /* what was proven meanwhile took up to some seconds */
           run_attempt(c, command, command && command->operation == TMV_OP_REHEARSE, err);
}

bool phase_cutover(struct coordinator *c, const struct command_row *command, struct tmv_error *err)
{
    if (!c->connected)
        return coordinator_answer(c, command, TMV_COMMAND_REFUSED,
                                  "the stores are not connected now; try again", err);
    if (!registry_agrees(c, command, err))
        return false;
    bool ok = try_cutover(c, command, err);
    if (!c->ended) /* nothing is left to prove, and the writers want the machine */
        verify_worker_resume(&c->verifier);
    return ok;
}

/* ---- completed ---- */

/* The engine that ended it may have been lost before it answered. */
static bool answer_finalized(struct coordinator *c, const struct command_row *command, struct tmv_error *err)
{
    if (c->row.ending == ENDING_FINALIZED)
        return coordinator_answer(c, command, TMV_COMMAND_DONE, hold_ended, err);
    return coordinator_answer(c, command, TMV_COMMAND_REFUSED,
                              "no store is kept current for it: there is nothing to finalize", err);
}

/* What a crash right after the decision left (the target still armed, or control behind), and verification.
 */
bool phase_completed(struct coordinator *c, struct tmv_error *err)
{
    struct command_row command;
    bool moved = false;
    bool found = false;

    if (!coordinator_connect_stores(c, &moved, err) || !settle(c, NULL, err))
        return false;
    if (ending_is_open(c->row.ending))
        return phase_hold(c, err);
    if (!control_command_take(c->control, &c->endpoints.owner, &command, &found, err))
        return false;
    c->ended = true;
    if (!found)
        return true;
    if (command.operation == TMV_OP_FINALIZE)
        return answer_finalized(c, &command, err);
    if (command.operation != TMV_OP_VERIFY)
        return coordinator_answer(c, &command, TMV_COMMAND_REFUSED, "the migration is completed", err);
    return coordinator_verify_completed(c, &command, err);
}

/* From pending to a copied history: preflight, the guards, V0, the bulk copy.
 *
 * Every step can be repeated. What is on disk after each:
 *   ledger rows of the guards (control) → target: schema, owner, fence closed, statement guard → source:
 * schema, owner, fence open, row guard (V0 is read in that transaction) → target: applied row "copying" with
 * V0 → chunks → target: row guard in place of the statement guard → applied row "mirroring". A crash before
 * the applied row exists installs again: triggers that stand are kept, and a later V0 is as good.
 */
#include "engine/coordinator.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/text.h"
#include "control/migration/settings.h"
#include "move/copy/bulk_copier.h"
#include "engine/takeover.h"
#include "engine/move.h"
#include "sql_embedded.h"
#include "tenantmv/preflight.h"

#define WORKS_US (3 * US_PER_S) /* a copy that moved for so long is no mere try */
#define QUEUE_LOOK_US (500 * US_PER_MS)
#define INSTALL_PATIENCE_US (60 * US_PER_S)
#define START_TIMEOUT_US (30 * US_PER_S)

/* ---- pending ---- */

/* The first refusal in full, with what to do about it; the names of the others. */
static void list_refusals(const struct tmv_preflight *preflight, char *text, size_t size)
{
    AUTO(buf) struct buf b = BUF_INIT(4096);

    for (size_t i = 0; i < preflight->count; i++) {
        const struct tmv_check *check = &preflight->checks[i];
        if (check->verdict != TMV_VERDICT_REFUSE)
            continue;
        if (b.len)
            buf_printf(&b, "; also refused: %s", check->name);
        else
            buf_printf(&b, "%s: %s. To do: %s", check->name, check->seen, check->todo);
    }
    text_copy(text, size, buf_text(&b));
}

static bool refuse_start(struct coordinator *c, const char *why, struct tmv_error *err)
{
    AUTO_FREE char *details = NULL;
    cJSON *o = cJSON_CreateObject();

    json_add_text(o, "reason", why);
    json_add_bool(o, "preflight", true);
    details = json_print(o);
    cJSON_Delete(o);
    const struct move_note note = {.reason = why, .details = details, .last_error = why};
    c->ended = true;
    return coordinator_report_step(c, "refused by preflight", why, err) &&
           move_apply(c, MOVE_ABORT, &note, err);
}

/* The first refusal that will not end by itself; NULL with a refusal: it may. */
static const struct tmv_check *lasting_refusal(const struct tmv_preflight *preflight)
{
    for (size_t i = 0; i < preflight->count; i++)
        if (preflight->checks[i].verdict == TMV_VERDICT_REFUSE && !preflight->checks[i].passing)
            return &preflight->checks[i];
    return NULL;
}

/* A store that restarts while a migration is pending does not end it: the engine tries again. */
static bool look_first(struct coordinator *c, char *ret_refusals, size_t size, struct tmv_error *err)
{
    struct tmv_control handle = {.conn = c->control};
    struct tmv_preflight *preflight = NULL;
    const struct tmv_start_options options = {.tenant = c->row.tenant,
                                              .source = c->row.source,
                                              .target = c->row.target,
                                              .settings = c->row.settings};

    if (!tmv_preflight_run(&handle, &options, false, &preflight, err))
        return err_wrap(err, "preflight");
    list_refusals(preflight, ret_refusals, size);
    bool passing = preflight->refusals > 0 && !lasting_refusal(preflight);
    tmv_preflight_free(preflight);
    return !passing || err_set(err, TMV_ERR_UNREACHABLE, "preflight: %s", ret_refusals);
}

static bool is_waiting(const struct coordinator *c)
{
    return !c->ended && c->row.phase == TMV_PHASE_PENDING && !c->row.paused;
}

/* A store carries so many moving tenants at a time; the others wait here, and begin by themselves. Commands
 * are heard meanwhile. */
static bool wait_in_queue(struct coordinator *c, struct tmv_error *err)
{
    int64_t place = 0, told = -1;
    char step[80];

    while (is_waiting(c)) {
        if (!control_queue_place(c->control, &c->endpoints.owner.migration, &place, err))
            return false;
        if (place == 0)
            return true;
        snprintf(step, sizeof step, "queued, place %" PRId64, place);
        if (place != told &&
            (!control_resumed(c->control, &c->endpoints.owner, err) ||
             !coordinator_report_step(c, step,
                                      "as many tenants move from or to one of its stores as are allowed "
                                      "at a time: it begins when one has finished",
                                      err)))
            return false;
        told = place;
        if (!pgx_wait_readable(c->control, QUEUE_LOOK_US, err) || !coordinator_poll(c, err))
            return false;
    }
    return true;
}

bool phase_pending(struct coordinator *c, struct tmv_error *err)
{
    char refusals[TMV_REASON_MAX];
    AUTO_FREE char *details = settings_given_up(&c->row.settings);
    const struct move_note note = {.details = details};

    if (!wait_in_queue(c, err))
        return false;
    if (!is_waiting(c))
        return true;
    if (!coordinator_report_step(c, "preflight", "", err) || !look_first(c, refusals, sizeof refusals, err) ||
        !coordinator_poll(c, err))
        return false;
    if (!is_waiting(c))
        return true;
    if (refusals[0])
        return refuse_start(c, refusals, err);
    if (!control_resumed(c->control, &c->endpoints.owner, err) || !fault_hit("pending.before_change", err))
        return false;
    if (!move_apply(c, MOVE_BEGIN_COPY, &note, err))
        return err->code == TMV_ERR_CLOSED; /* another was faster: queue again */
    return takeover_raise(c, err);
}

/* ---- guards ---- */

static bool prepare_schema(struct coordinator *c, struct pgx_conn *conn, struct guard *guard, bool source,
                           struct tmv_error *err)
{
    enum store_side side = source ? SIDE_SOURCE : SIDE_TARGET;

    return coordinator_ledger_guard(c, side, &c->facts.sides[side].ledger, err) &&
           guard_prepare_store(conn, guard->shape, err) && fault_hit("guard.store_prepared", err) &&
           guard_raise_owner(conn, guard, err) && fault_hit("guard.owner_raised", err);
}

static bool prepare_end(struct coordinator *c, struct pgx_conn *conn, struct guard *guard, bool source,
                        struct tmv_error *err)
{
    const struct tmv_settings *s = &c->row.settings;
    int64_t wait_ms = s->lock_budget_ms + s->drain_budget_ms + 500;
    struct fence fence = {0};
    bool found = false;

    if (!prepare_schema(c, conn, guard, source, err) ||
        !guard_prepare_fence(conn, guard, source ? FENCE_OPEN : FENCE_CLOSED, wait_ms, 1, err) ||
        !guard_read_fence(conn, guard, &fence, &found, err))
        return false;
    if (!found || fence.state != (source ? FENCE_OPEN : FENCE_CLOSED))
        return err_set(err, TMV_ERR_CONFLICT, "the fence of the tenant in the %s is %s",
                       source ? "source" : "target", found ? fence_state_name(fence.state) : "gone");
    return fault_hit(source ? "guard.source_prepared" : "guard.target_prepared", err);
}

/* The session that the step before left, or a new one. */
static bool guard_session(struct coordinator *c, enum store_side side, struct pgx_conn **ret_conn,
                          struct tmv_error *err)
{
    *ret_conn = TAKE(c->sessions[side]);
    if (pgx_is_usable(*ret_conn))
        return true;
    pgx_close(TAKE(*ret_conn));
    return side == SIDE_SOURCE ? endpoints_connect_source(&c->endpoints, "guard", ret_conn, err)
                               : endpoints_connect_target(&c->endpoints, "guard", ret_conn, err);
}

static void leave_sessions(struct coordinator *c, struct pgx_conn **source, struct pgx_conn **target)
{
    c->sessions[SIDE_SOURCE] = TAKE(*source);
    c->sessions[SIDE_TARGET] = TAKE(*target);
}

/* Preflight refused what would stay behind, and what only the verification would notice where there is none.
 * A column that came since is looked for again, in the shapes of just the facts that were noted. */
static bool check_left_columns(const struct coordinator *c, struct tmv_error *err)
{
    const struct store_shape *source = &c->endpoints.source;

    for (size_t i = 0; !c->row.settings.verify_consistency && i < source->column_count; i++) {
        const char *name = source->columns[i].name;

        if (!store_column_is_watched(&source->columns[i], store_shape_column(&c->endpoints.target, name)))
            continue;
        err_set(err, TMV_ERR_REFUSED,
                "column %s of the source was added after the preflight: its values would stay behind", name);
        return err_hint(err, "abort the migration and start again");
    }
    return true;
}

static bool note_source(struct coordinator *c, struct pgx_conn *source, const char *installed,
                        struct tmv_error *err)
{
    return coordinator_note_facts(c, SIDE_SOURCE, source, installed, err) && check_left_columns(c, err);
}

static bool begin_copy(struct coordinator *c, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *source = NULL;
    AUTO_CONN struct pgx_conn *target = NULL;
    struct guard_installed here = {0}, there = {0};
    AUTO_RESULT struct pgx_result *owned = NULL;

    if (!coordinator_report_step(c, "installing the guard", "", err) ||
        !guard_session(c, SIDE_SOURCE, &source, err) || !guard_session(c, SIDE_TARGET, &target, err))
        return false;
    if (!prepare_end(c, target, &c->target_guard, false, err) ||
        !guard_install(target, &c->target_guard, GUARD_STATEMENTS, INSTALL_PATIENCE_US, &there, err) ||
        !coordinator_note_facts(c, SIDE_TARGET, target, there.glance, err) ||
        !fault_hit("guard.target_installed", err) || !prepare_end(c, source, &c->source_guard, true, err) ||
        !guard_install(source, &c->source_guard, GUARD_ROWS, INSTALL_PATIENCE_US, &here, err) ||
        !fault_hit("guard.source_installed", err) || !note_source(c, source, here.glance, err) ||
        !fault_hit("guard.installed", err))
        return false;
    if (!pgx_query(target, START_TIMEOUT_US, sql_phase_applied_begin,
                   PGX_ARGS(PGX_UUID(&c->endpoints.owner.migration), PGX_UUID(&c->endpoints.owner.tenant),
                            PGX_INT(c->endpoints.owner.epoch), PGX_INT(here.value),
                            PGX_INT(c->endpoints.target.relation_oid)),
                   &owned, err))
        return err_wrap(err, "writing the applied row");
    if (pgx_int(owned, 0, 0) == 0)
        return err_set(err, TMV_ERR_OWNERSHIP, "another engine owns the migration on the target");
    c->applied = APPLIED_COPYING;
    c->copy_limit = here.value;
    leave_sessions(c, &source, &target);
    log_info("migration %s: guard installed, V0 = %" PRId64, c->endpoints.migration, here.value);
    return fault_hit("guard.applied_begun", err);
}

/* The row guard takes the statement guard's place; from here on mirrors may write. */
static bool end_copy(struct coordinator *c, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *target = NULL;
    struct guard_installed ignored;
    char glance[FACTS_DIGEST_SIZE];
    AUTO_RESULT struct pgx_result *opened = NULL;
    char why[GUARD_WHY_MAX];

    if (!coordinator_report_step(c, "replacing the statement guard on the target by the row guard", "",
                                 err) ||
        !guard_session(c, SIDE_TARGET, &target, err) ||
        !endpoints_rename(&c->endpoints, target, "guard", err) ||
        !coordinator_check_copy_facts(c, SIDE_TARGET, target, err) ||
        !guard_install(target, &c->target_guard, GUARD_ROWS, INSTALL_PATIENCE_US, &ignored, err) ||
        !fault_hit("copy.row_guard_installed", err) ||
        !guard_remove(target, &c->target_guard, true, why, err) ||
        !fault_hit("copy.statement_guard_removed", err))
        return false;
    if (why[0])
        return err_set(err, TMV_ERR_TIMEOUT,
                       "the target's events table is busy: the statement guard could not be removed: %s",
                       why);
    if (!facts_glance(target, &c->target_guard, glance, err) ||
        !coordinator_note_facts(c, SIDE_TARGET, target, glance, err) ||
        !fault_hit("copy.target_row_guard", err))
        return false;
    if (!pgx_query(target, START_TIMEOUT_US, sql_phase_applied_mirroring,
                   PGX_ARGS(PGX_UUID(&c->endpoints.owner.migration), PGX_INT(c->endpoints.owner.epoch)),
                   &opened, err))
        return err_wrap(err, "opening the target for the tail");
    if (pgx_rows(opened) == 0)
        return err_set(err, TMV_ERR_OWNERSHIP, "another engine owns the target's applied row");
    c->copied_events = pgx_int(opened, 0, 0);
    c->applied = APPLIED_MIRRORING;
    return fault_hit("copy.mirroring", err);
}

/* ---- bulk copy ---- */

/* What the copier's hook needs; its errors wait here until the copier has stopped. */
struct copy_watch {
    struct coordinator *c;
    int64_t throttled_us;         /* of this run, as far as it is counted in control */
    int64_t began_us, began_with; /* when this run was first heard of (monotonic), and its events then */
    struct tmv_error problem;
    bool failed;
};

/* A full disk takes the first rows too. */
static bool works(struct copy_watch *w, const struct copy_progress *seen)
{
    int64_t now = clock_now_us();

    if (!w->began_us) {
        w->began_us = now;
        w->began_with = seen->events_copied;
    }
    return seen->events_copied > w->began_with && now - w->began_us > WORKS_US;
}

static bool report_copy(struct copy_watch *w, const struct copy_progress *seen)
{
    struct coordinator *c = w->c;
    char note[TMV_REASON_MAX] = "";
    int64_t left = seen->events_total - seen->events_copied;
    bool held = seen->throttle[0] != '\0';
    struct migration_progress p = {
        .step = seen->step,
        .note = note,
        .throttle = seen->throttle,
        .throttled_us = seen->throttled_us - w->throttled_us,
        .sample = true,
        .works = works(w, seen),
    };

    c->row.events_total = left > 0 ? seen->events_total : seen->events_copied;
    c->row.events_copied = seen->events_copied;
    figure_set(&p.figures, TMV_FIGURE_EVENTS_TOTAL, c->row.events_total);
    figure_set(&p.figures, TMV_FIGURE_EVENTS_COPIED, c->row.events_copied);
    figure_set(&p.figures, TMV_FIGURE_RATE, seen->events_per_second);
    figure_set(&p.figures, TMV_FIGURE_ETA, held ? -1 : seen->eta_us);
    if (held)
        snprintf(note, sizeof note, "throttled: %s", seen->throttle);
    if (!control_report_progress(c->control, &c->endpoints.owner, &p, &w->problem))
        return false;
    w->throttled_us = seen->throttled_us;
    return true;
}

/* Not paused, aborted, or changed underneath. */
static bool is_copying(const struct coordinator *c)
{
    return !c->row.paused && !c->ended && !c->deferred_waits && c->row.phase == TMV_PHASE_BULK_COPY;
}

static enum copy_verdict copy_progress(void *user, const struct copy_progress *seen)
{
    struct copy_watch *w = user;
    struct coordinator *c = w->c;
    int64_t now = clock_now_us();

    if (!coordinator_poll(c, &w->problem)) {
        w->failed = true;
        return COPY_STOP;
    }
    if (c->deferred_waits)
        return COPY_BREAK_OFF;
    if (now - c->reported_us > US_PER_S / 2) {
        c->reported_us = now;
        if (!report_copy(w, seen)) {
            w->failed = true;
            return COPY_STOP;
        }
    }
    return is_copying(c) ? COPY_GO_ON : COPY_STOP;
}

static bool copy_history(struct coordinator *c, bool *ret_finished, struct tmv_error *err)
{
    struct copy_watch watch = {.c = c};
    const struct bulk_copier_options options = {.limit = c->copy_limit,
                                                .settings = &c->row.settings,
                                                .source = &c->sessions[SIDE_SOURCE],
                                                .target = &c->sessions[SIDE_TARGET]};
    const struct bulk_copier_hooks hooks = {.user = &watch, .progress = copy_progress};

    c->copying = true;
    bool ok = bulk_copier_run(&c->endpoints, c->control, &options, &hooks, ret_finished, err);
    c->copying = false;
    if (c->deferred_waits) { /* whatever the copy came to */
        *ret_finished = false;
        return true;
    }
    if (watch.failed) {
        *err = watch.problem;
        return false;
    }
    return ok;
}

/* An earlier engine, or this one before it connected again, has begun: what was copied has the columns of
 * that time. */
static bool check_before_copy(struct coordinator *c, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *source = NULL;
    AUTO_CONN struct pgx_conn *target = NULL;

    if (!guard_session(c, SIDE_SOURCE, &source, err) || !guard_session(c, SIDE_TARGET, &target, err) ||
        !coordinator_check_copy_facts(c, SIDE_SOURCE, source, err) ||
        !coordinator_check_copy_facts(c, SIDE_TARGET, target, err))
        return false;
    leave_sessions(c, &source, &target);
    return true;
}

/* Sessions of the copy that the servers have not ended yet are ended before anything is taken back.
 * Ownership, of which the copy's error may have told, is asked for anew. */
static bool abort_copy(struct coordinator *c, struct tmv_error *err)
{
    c->deferred_waits = false;
    coordinator_disconnect_stores(c);
    return takeover_raise(c, err) && phase_abort(c, &c->deferred, err);
}

bool phase_bulk_copy(struct coordinator *c, struct tmv_error *err)
{
    bool finished = false;
    bool begins = c->applied == APPLIED_NONE;

    if (begins && !begin_copy(c, err))
        return false;
    if (c->applied == APPLIED_COPYING) {
        if (!begins && !check_before_copy(c, err))
            return false;
        if (!copy_history(c, &finished, err))
            return err_wrap(err, "copying the history");
        if (c->deferred_waits)
            return abort_copy(c, err);
        if (!finished || !is_copying(c)) /* perhaps with the last chunk: the loop looks again */
            return true;
        log_info("migration %s: history copied", c->endpoints.migration);
        if (!control_copy_completed(c->control, &c->endpoints.owner, err))
            return false;
        if (!end_copy(c, err))
            return false;
        log_info("migration %s: the tail begins", c->endpoints.migration);
    }
    return phase_mirroring(c, err);
}

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
#include "engine/move.h"
#include "engine/takeover.h"
#include "model/lifecycle.h"
#include "sql_embedded.h"

#define POLL_US (200 * US_PER_MS)
#define FIRST_RETRY_US (200 * US_PER_MS)
#define LAST_RETRY_US (5 * US_PER_S)
#define LEFT_RETRY_US (15 * US_PER_S) /* for what an ended migration left in a store that is away */
#define GOODBYE_US (1 * US_PER_S)

/* ---- talking to control ---- */

bool coordinator_report_step(struct coordinator *c, const char *step, const char *note, struct tmv_error *err)
{
    const struct migration_progress p = {.step = step, .note = note};

    return control_report_progress(c->control, &c->endpoints.owner, &p, err);
}

bool coordinator_answer(struct coordinator *c, const struct command_row *command,
                        enum tmv_command_state state, const char *outcome, struct tmv_error *err)
{
    if (!command)
        return true;
    log_info("command %s of %s on migration %s: %s: %s", tmv_operation_name(command->operation),
             command->requested_by, c->endpoints.migration, tmv_command_state_name(state), outcome);
    return fault_hit("command.before_answer", err) &&
           control_command_finish(c->control, &c->endpoints.owner, &command->id, state, outcome, err) &&
           fault_hit("command.answered", err);
}

/* ---- commands ---- */

bool coordinator_pause(struct coordinator *c, const struct command_row *command, struct tmv_error *err)
{
    bool pause = command->operation == TMV_OP_PAUSE;
    const struct move_note note = {.reason = command->reason, .operator_name = command->requested_by};

    return move_apply(c, pause ? MOVE_PAUSE : MOVE_RESUME, &note, err) &&
           coordinator_answer(c, command, TMV_COMMAND_DONE, pause ? "paused" : "resumed", err);
}

/* What uses the connections now comes to its end first: an abort changes what the copier's own transactions
 * hold. */
static bool defer(struct coordinator *c, const struct command_row *command, struct tmv_error *err)
{
    if (c->deferred_waits)
        return coordinator_answer(c, command, TMV_COMMAND_REFUSED, "another command is under way", err);
    c->deferred = *command;
    c->deferred_waits = true;
    return true;
}

static bool defer_abort(struct coordinator *c, const struct command_row *command, struct tmv_error *err)
{
    return defer(c, command, err) && coordinator_report_step(c, "aborting", "breaking off the copy", err);
}

static bool carry_out(struct coordinator *c, const struct command_row *command, struct tmv_error *err)
{
    char why[TMV_REASON_MAX];

    if (!lifecycle_allows(c->row.phase, c->row.paused, command->operation, why))
        return coordinator_answer(c, command, TMV_COMMAND_REFUSED, why, err);
    switch (command->operation) {
    case TMV_OP_PAUSE:
    case TMV_OP_RESUME:
        return coordinator_pause(c, command, err);
    case TMV_OP_ABORT:
        return c->copying ? defer_abort(c, command, err) : phase_abort(c, command, err);
    case TMV_OP_CUTOVER:
    case TMV_OP_REHEARSE:
        return phase_cutover(c, command, err);
    case TMV_OP_VERIFY:
        return c->row.phase == TMV_PHASE_COMPLETED ? defer(c, command, err)
                                                   : coordinator_verify(c, command, err);
    case TMV_OP_FINALIZE:
        return defer(c, command, err);
    case TMV_OP_START:
    case TMV_OP_COUNT:
        break;
    }
    return coordinator_answer(c, command, TMV_COMMAND_REFUSED, "not an operation of a running migration",
                              err);
}

static bool announced(struct coordinator *c)
{
    char channel[64], payload[256];
    bool any = false;

    while (pgx_next_notification(c->control, channel, payload))
        any = any || strcmp(payload, c->endpoints.migration) == 0;
    return any;
}

/* Without them nothing goes on but an abort, which needs none. */
static bool settings_are_readable(const struct coordinator *c, struct tmv_error *err)
{
    if (c->row.settings_error.code == TMV_OK || tmv_phase_is_terminal(c->row.phase))
        return true;
    *err = c->row.settings_error;
    return false;
}

bool coordinator_poll(struct coordinator *c, struct tmv_error *err)
{
    int64_t now = clock_now_us();
    struct command_row command;
    bool found = false;

    if (stop_is_raised(c->options->stop))
        return err_set(err, TMV_ERR_CANCELLED, "the engine stops");
    if (!announced(c) && now - c->polled_us < POLL_US)
        return true;
    c->polled_us = now;
    if (!control_migration_get(c->control, &c->endpoints.owner.migration, &c->row, err) ||
        !settings_are_readable(c, err) ||
        !control_command_take(c->control, &c->endpoints.owner, &command, &found, err))
        return false;
    return !found || (fault_hit("command.taken", err) && carry_out(c, &command, err));
}

/* ---- taking ownership, going on, and what to do about errors ---- */

/* A store that was registered without a look: the first contact says which database it is, and from then on
 * no other one is taken for it. One that cannot be reached now says what is wrong when it is needed. */
static bool identify(struct coordinator *c, struct tmv_store_info *store, struct tmv_error *err)
{
    const struct pgx_options options = {
        .part = "identify", .migration = c->endpoints.migration, .stop = c->options->stop};
    AUTO_CONN struct pgx_conn *conn = NULL;
    struct tmv_store_identity found;
    struct tmv_error ignored;

    if (store->identity.events_oid != 0)
        return true;
    if (!store_connect(store, &options, &conn, &ignored) ||
        !store_identity_read(conn, store, &found, &ignored))
        return true;
    if (!fault_hit("store.before_identity", err) ||
        !control_store_identify(c->control, store, &found, c->options->engine_name, err) ||
        !fault_hit("store.identified", err))
        return false;
    store->identity = found;
    return true;
}

static bool read_store(struct coordinator *c, const char *id, struct tmv_store_info *ret_store,
                       struct tmv_error *err)
{
    struct tmv_control handle = {.conn = c->control};

    return tmv_store_get(&handle, id, ret_store, err) && identify(c, ret_store, err);
}

static bool read_row(struct coordinator *c, struct tmv_error *err)
{
    struct endpoints *endpoints = &c->endpoints;

    tmv_uuid_format(&endpoints->owner.migration, endpoints->migration);
    if (!control_migration_get(c->control, &endpoints->owner.migration, &c->row, err))
        return false;
    endpoints->owner.tenant = c->row.tenant;
    tmv_uuid_format(&endpoints->owner.tenant, endpoints->tenant);
    return read_store(c, c->row.source, &endpoints->source_store, err) &&
           read_store(c, c->row.target, &endpoints->target_store, err);
}

static bool connect_control(struct coordinator *c, struct tmv_error *err)
{
    char migration[TMV_UUID_TEXT];
    const struct pgx_options options = {
        .conninfo = c->options->control_conninfo,
        .part = "control",
        .migration = tmv_uuid_format(&c->options->what.migration, migration),
        .stop = c->options->stop,
        .autocommit_only = true, /* the owner's statements lock the lease: a successor would wait for them */
    };

    return pgx_connect(&options, &c->control, err) &&
           pgx_script(c->control, CONTROL_TIMEOUT_US, sql_control_listen, 0, NULL, err);
}

static bool acquire(struct coordinator *c, bool *ret_ours, struct tmv_error *err)
{
    const struct engine_identity self = {.id = c->options->engine, .name = c->options->engine_name};
    struct claimable what = c->options->what;
    struct lease lease = {0};

    what.had_epoch = c->had_epoch;
    what.cause = c->had_cause;
    if (!connect_control(c, err) || !fault_hit("lease.before_take", err) ||
        !control_lease_take(c->control, &what, &self, &lease, err))
        return false;
    *ret_ours = lease.taken;
    if (!lease.taken)
        return true;
    c->endpoints.owner = lease.owner;
    text_copy(c->unfinished, sizeof c->unfinished, lease.unfinished);
    return fault_hit("lease.taken", err) && read_row(c, err) && settings_are_readable(c, err) &&
           (takeover_raise(c, err) || phase_undecided(c, err));
}

static bool wait_while_paused(struct coordinator *c, struct tmv_error *err)
{
    coordinator_disconnect_stores(c); /* it may be for days */
    while (c->row.paused && !tmv_phase_is_terminal(c->row.phase) && !c->ended) {
        if (!pgx_wait_readable(c->control, POLL_US, err) || !coordinator_poll(c, err))
            return false;
    }
    return true;
}

/* An abort was interrupted. Its command waits again (it says what to do with the copied events). */
static bool resume_undoing(struct coordinator *c, struct tmv_error *err)
{
    struct command_row command;
    bool found = false;

    if (!control_command_take(c->control, &c->endpoints.owner, &command, &found, err))
        return false;
    if (found && command.operation == TMV_OP_ABORT)
        return phase_abort(c, &command, err);
    if (found && !coordinator_answer(c, &command, TMV_COMMAND_REFUSED, "the migration is being aborted", err))
        return false;
    return phase_abort(c, NULL, err);
}

static bool run_phase(struct coordinator *c, struct tmv_error *err)
{
    if (takeover_must_undo(c))
        return resume_undoing(c, err);
    if (c->row.paused && !c->connected && c->row.phase != TMV_PHASE_CUTOVER &&
        !tmv_phase_is_terminal(c->row.phase))
        return wait_while_paused(c, err);
    switch (c->row.phase) {
    case TMV_PHASE_PENDING:
        return phase_pending(c, err);
    case TMV_PHASE_BULK_COPY:
        return phase_bulk_copy(c, err);
    case TMV_PHASE_DUAL_WRITE:
    case TMV_PHASE_CUTOVER:
        return phase_mirroring(c, err);
    case TMV_PHASE_COMPLETED:
        return phase_completed(c, err);
    case TMV_PHASE_ABORTED:
    case TMV_PHASE_FAILED:
        return phase_ended(c, err);
    case TMV_PHASE_COUNT:
        break;
    }
    c->ended = true;
    return true;
}

/* One ownership: from taking the lease to an error or the end. */
static bool run_once(struct coordinator *c, struct tmv_error *err)
{
    bool ours = false;

    if (!acquire(c, &ours, err))
        return false;
    if (!ours) {
        c->ended = true;
        return true;
    }
    while (!c->ended)
        if (!run_phase(c, err))
            return coordinator_explain(c, err);
    return true;
}

/* Errors that no repetition mends stop the migration where it is, with the reason; the operator resumes or
 * aborts. */
static bool must_pause(const struct tmv_error *err)
{
    if (tmv_error_classify(err) == TMV_CLASS_RETRY || tmv_error_classify(err) == TMV_CLASS_RECONNECT)
        return false;
    return err->code != TMV_ERR_UNREACHABLE && !err_is_of_the_moment(err);
}

static void report(struct coordinator *c, const struct tmv_error *what, bool again,
                   const struct engine_wait *until)
{
    struct engine_wait wait = *until;
    struct tmv_error ignored;
    char note[TMV_REASON_MAX], cause[ERR_CAUSE_MAX];
    AUTO(buf) struct buf text = BUF_INIT(2000);

    log_error(TMV_LOG_WARN, c->endpoints.migration, what);
    /* What ended is told already; what fails behind it is no error of the migration. */
    if (c->ended || !pgx_is_usable(c->control) || c->endpoints.owner.epoch == 0)
        return;
    buf_printf(&text, "%.250s%s%.395s", err_cause_first(what, cause), what->hint[0] ? "; " : "", what->hint);
    text_copy(note, sizeof note, buf_text(&text));
    wait.why = note;
    /* The note first: it does not wait for the disk or a standby. The same error again is not news for the
     * audit. */
    const struct move_note paused = {.reason = note};
    if (!control_waits(c->control, &c->endpoints.owner, &wait, &ignored) ||
        (!again && !move_report_error(c, what, &ignored)))
        return;
    if (must_pause(what) && !c->row.paused && !move_apply(c, MOVE_PAUSE, &paused, &ignored))
        log_error(TMV_LOG_DEBUG, c->endpoints.migration, &ignored);
}

/* A raised stop ends every wait of the control connection at once: giving the lease back then takes one that
 * does not listen to it. Without it the next engine would have to wait until this one is taken for dead. */
static bool connect_to_say_goodbye(struct coordinator *c, struct tmv_error *err)
{
    const struct pgx_options options = {.conninfo = c->options->control_conninfo,
                                        .part = "goodbye",
                                        .connect_timeout_us = GOODBYE_US,
                                        .statement_timeout_us = GOODBYE_US};

    pgx_close(TAKE(c->control));
    return pgx_connect(&options, &c->control, err);
}

static void give_lease_back(struct coordinator *c)
{
    struct tmv_error err;

    if (c->endpoints.owner.epoch == 0 || !fault_hit("lease.before_release", &err))
        return;
    bool reached =
        stop_is_raised(c->options->stop) ? connect_to_say_goodbye(c, &err) : pgx_is_usable(c->control);
    if (!reached || !control_lease_release(c->control, &c->endpoints.owner, &err))
        log_line(TMV_LOG_DEBUG, "migration %s: the lease is left to run out", c->endpoints.migration);
}

/* An engine that tries again keeps its lease: the migration is its own, and it can be spoken to. */
static void let_go(struct coordinator *c, bool tries_again)
{
    struct tmv_error ignored;

    coordinator_disconnect_stores(c);
    fact_watch_release(&c->facts);
    if (!tries_again) {
        give_lease_back(c);
        (void)!fault_hit("lease.released", &ignored);
    }
    pgx_close(TAKE(c->control));
    c->endpoints.owner.epoch = 0;
}

/* The engine stops between two tries: the next one need not wait until this one is taken for dead. */
static void release_left(const struct coordinator_options *options, int64_t epoch)
{
    struct coordinator c = {.options = options};

    c.endpoints.owner = (struct owner){.tenant = options->what.tenant,
                                       .migration = options->what.migration,
                                       .engine = options->engine,
                                       .epoch = epoch};
    tmv_uuid_format(&c.endpoints.owner.migration, c.endpoints.migration);
    let_go(&c, false);
}

/* What stays of one ownership for the next. */
struct tries {
    int64_t pause_us;
    int64_t since_us; /* when the trouble began (monotonic); 0: there is none */
    struct tmv_error last;
    int64_t epoch; /* of the latest ownership */
};

/* An ownership that lasted, and in which work was done, ends the trouble before it. */
static void count_trouble(struct tries *t, bool worked, int64_t started_us)
{
    int64_t now = clock_now_us();

    if (worked && now - started_us > 10 * US_PER_S) {
        t->pause_us = FIRST_RETRY_US;
        t->since_us = 0;
    }
    if (!t->since_us)
        t->since_us = now;
}

/* One ownership, and the wait after it. False when there will be no other. */
static bool try_once(const struct coordinator_options *options, struct tries *t)
{
    struct coordinator c = {
        .options = options, .had_epoch = t->epoch, .had_cause = t->epoch ? t->last.message : NULL};
    struct tmv_error err = {0};
    int64_t started_us = clock_now_us();

    c.endpoints.stop = options->stop;
    c.endpoints.owner.migration = options->what.migration;
    tmv_uuid_format(&c.endpoints.owner.migration, c.endpoints.migration);
    bool ok = run_once(&c, &err);
    bool stopped = stop_is_raised(options->stop);
    bool lost = !ok && err.code == TMV_ERR_OWNERSHIP;
    /* What an ended migration left in a store that is away: others shall not wait for this thread. */
    bool ended = !ok && c.endpoints.owner.epoch > 0 && tmv_phase_is_terminal(c.row.phase) &&
                 !ending_is_open(c.row.ending);
    count_trouble(t, c.reported_us > 0, started_us);
    const struct engine_wait wait = {.for_us = ended ? LEFT_RETRY_US : t->pause_us,
                                     .since_us = clock_now_us() - t->since_us};
    if (!ok && !stopped)
        report(&c, &err, ended || strcmp(err.message, t->last.message) == 0, &wait);
    t->last = err;
    t->epoch = c.endpoints.owner.epoch > 0 ? c.endpoints.owner.epoch : t->epoch;
    coordinator_disconnect_stores(&c);
    bool again = !ok && !stopped && !lost && !ended && phase_waiting(&c, &err, t->pause_us);
    let_go(&c, again);
    return again;
}

void coordinator_run(const struct coordinator_options *options)
{
    struct tries t = {.pause_us = FIRST_RETRY_US};

    while (try_once(options, &t)) {
        if (stop_is_raised(options->stop)) {
            release_left(options, t.epoch);
            return;
        }
        t.pause_us = t.pause_us * 2 > LAST_RETRY_US ? LAST_RETRY_US : t.pause_us * 2;
    }
}

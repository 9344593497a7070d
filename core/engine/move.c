#include "engine/move.h"

#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/json.h"
#include "lib/log.h"

static const struct move_note no_note;

/* What is written, and whether anything was changed. */
typedef bool move_writer(struct coordinator *c, enum move_id move, const struct move_note *note,
                         bool *ret_changed, struct tmv_error *err);

static bool write_phase(struct coordinator *c, enum move_id move, const struct move_note *note,
                        bool *ret_changed, struct tmv_error *err)
{
    AUTO_FREE char *reason = NULL;

    if (!note->details && note->reason) {
        AUTO(json) cJSON *o = cJSON_CreateObject();

        json_add_text(o, "reason", note->reason);
        reason = json_print(o);
    }
    const struct phase_change change = {.move = move,
                                        .from = c->row.phase,
                                        .details = note->details ? note->details : reason,
                                        .operator_name = note->operator_name,
                                        .last_error = note->last_error};
    *ret_changed = true;
    return control_phase_change(c->control, &c->endpoints.owner, &change, err);
}

static bool write_completion(struct coordinator *c, enum move_id move, const struct move_note *note,
                             bool *ret_changed, struct tmv_error *err)
{
    const char *target = c->endpoints.target_store.id;

    *ret_changed = false; /* told when it is settled, whichever way it was recorded */
    return move == MOVE_COMPLETE ? control_complete_cutover(c->control, &c->endpoints.owner, target,
                                                            note->details, note->operator_name, err)
                                 : control_follow_decision(c->control, &c->endpoints.owner, target,
                                                           note->details, note->operator_name, err);
}

static bool write_pause(struct coordinator *c, enum move_id move, const struct move_note *note,
                        bool *ret_changed, struct tmv_error *err)
{
    const struct pause_change change = {
        .paused = move == MOVE_PAUSE, .reason = note->reason, .operator_name = note->operator_name};

    return control_set_paused(c->control, &c->endpoints.owner, &change, ret_changed, err);
}

static bool write_finalized(struct coordinator *c, enum move_id move, const struct move_note *note,
                            bool *ret_changed, struct tmv_error *err)
{
    const struct ending_change change = {.from = ENDING_FINALIZING,
                                         .to = ENDING_FINALIZED,
                                         .details = note->details ? note->details : "{\"finalized\":true}",
                                         .operator_name = note->operator_name};

    (void)move;
    return control_ending_change(c->control, &c->endpoints.owner, &change, ret_changed, err);
}

static move_writer *const writers[MOVE_COUNT] = {
    [MOVE_BEGIN_COPY] = write_phase,    [MOVE_BEGIN_DUAL_WRITE] = write_phase,
    [MOVE_BEGIN_CUTOVER] = write_phase, [MOVE_ROLL_BACK] = write_phase,
    [MOVE_COMPLETE] = write_completion, [MOVE_FOLLOW_DECISION] = write_completion,
    [MOVE_ABORT] = write_phase,         [MOVE_PAUSE] = write_pause,
    [MOVE_RESUME] = write_pause,        [MOVE_FINALIZE] = write_finalized,
};

static void tell(const struct coordinator *c, enum move_id move, enum tmv_phase from,
                 const struct move_note *note)
{
    const struct move_row *row = move_row(move);
    const struct notice notice = {.event = row->audit,
                                  .migration = c->endpoints.migration,
                                  .tenant = c->endpoints.tenant,
                                  .from = from,
                                  .to = move_leads_to(move, from),
                                  .engine = c->options->engine_name,
                                  .operator_name = note->operator_name,
                                  .reason = note->reason ? note->reason : row->by_itself,
                                  .at_us = clock_wall_us()};

    if (!row->stays)
        log_info("migration %s: %s → %s", c->endpoints.migration, tmv_phase_name(notice.from),
                 tmv_phase_name(notice.to));
    observers_tell(c->options->observers, &notice);
}

void move_completed(const struct coordinator *c, const char *operator_name)
{
    const struct move_note note = {.operator_name = operator_name};

    tell(c, MOVE_COMPLETE, TMV_PHASE_CUTOVER, &note);
}

void move_error_recorded(const struct coordinator *c, const char *why)
{
    const struct move_note note = {.reason = why};

    tell(c, MOVE_ERROR, c->row.phase, &note);
}

bool move_apply(struct coordinator *c, enum move_id move, const struct move_note *note, struct tmv_error *err)
{
    const struct move_row *row = move_row(move);
    enum tmv_phase from = c->row.phase;
    bool changed = false;

    note = note ? note : &no_note;
    if (!move_is_made_from(move, from))
        return err_set(err, TMV_ERR_CONFLICT, "migration %s is in %s: %s is not possible there",
                       c->endpoints.migration, tmv_phase_name(from), row->name);
    if (!fault_hit(row->before, err) || !writers[move](c, move, note, &changed, err) ||
        !fault_hit(row->after, err))
        return false;
    if (changed)
        tell(c, move, from, note);
    return control_migration_get(c->control, &c->endpoints.owner.migration, &c->row, err);
}

bool move_report_error(struct coordinator *c, const struct tmv_error *what, struct tmv_error *err)
{
    const struct move_row *row = move_row(MOVE_ERROR);
    char cause[ERR_CAUSE_MAX];

    if (!fault_hit(row->before, err) || !control_report_error(c->control, &c->endpoints.owner, what, err) ||
        !fault_hit(row->after, err))
        return false;
    move_error_recorded(c, err_cause_first(what, cause));
    return true;
}

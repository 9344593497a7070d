/* Verification as the coordinator sees it: what was proven by an earlier engine is gone on from, what is
 * proven is kept, and every report is stored and audited.
 *
 * The kept proof is taken back before anything that it could not know of happens (a repair, a verification
 * from the first event), in a commit that is waited for; so a crash never finds a proof that is too good. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/log.h"
#include "engine/coordinator.h"
#include "move/verify/verify_report.h"

#define SAVE_US US_PER_S
#define WORKERS_MAX 4 /* sessions on each store beside the tail's: neighbours live there too */

static int workers(const struct coordinator *c)
{
    return c->row.settings.copy_workers > WORKERS_MAX ? WORKERS_MAX : c->row.settings.copy_workers;
}

/* What an earlier engine has proven under the facts that are noted was mirrored under them. */
static void extend_good(struct coordinator *c, const struct verify_proof *proof)
{
    char noted[sizeof proof->guards];

    snprintf(noted, sizeof noted, "%s/%s", c->facts.sides[SIDE_SOURCE].noted.digest,
             c->facts.sides[SIDE_TARGET].noted.digest);
    if (strcmp(noted, proof->guards) == 0 && proof->to > c->facts.good_to)
        c->facts.good_to = proof->to;
}

bool coordinator_start_verifier(struct coordinator *c, struct tmv_error *err)
{
    struct verify_start start = {.endpoints = &c->endpoints,
                                 .source_guard = &c->source_guard,
                                 .target_guard = &c->target_guard,
                                 .workers = workers(c),
                                 .watermark = c->tailer.watermark,
                                 .facts = &c->facts};

    if (!control_proof_read(c->control, &c->endpoints.owner.migration, &start.proof.to, start.proof.guards,
                            sizeof start.proof.guards, err))
        return false;
    c->saved_proof = start.proof;
    extend_good(c, &start.proof);
    if (start.proof.to > 0)
        log_info("migration %s: verification continues behind position %" PRId64, c->endpoints.migration,
                 start.proof.to);
    return verify_worker_start(&c->verifier, &start, err);
}

/* ---- reports ---- */

static bool store_report(struct coordinator *c, const struct tmv_verify_report *r, struct tmv_error *err)
{
    AUTO_FREE char *json = verify_report_to_json(r);

    if (!json)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    return fault_hit("verify.before_report", err) &&
           control_verification_add(c->control, &c->endpoints.owner, tmv_verify_level_name(r->level),
                                    r->consistent, json, err) &&
           fault_hit("verify.report_stored", err) &&
           control_audit(c->control, &c->endpoints.owner,
                         r->consistent ? AUDIT_VERIFICATION_COMPLETED : AUDIT_VERIFICATION_FAILED, json, NULL,
                         err) &&
           fault_hit("verify.reported", err);
}

/* What the worker has proven is kept once a second; what it took back, at once. */
static bool save_proof(struct coordinator *c, const struct verify_proof *proof, struct tmv_error *err)
{
    bool same = proof->to == c->saved_proof.to && strcmp(proof->guards, c->saved_proof.guards) == 0;
    bool less = proof->to < c->saved_proof.to || strcmp(proof->guards, c->saved_proof.guards) != 0;

    if (same || (!less && clock_now_us() - c->saved_us < SAVE_US))
        return true;
    if (!fault_hit("verify.before_proof", err) ||
        !control_proof_save(c->control, &c->endpoints.owner, proof->to, proof->guards, err) ||
        !fault_hit("verify.proof_saved", err))
        return false;
    c->saved_proof = *proof;
    c->saved_us = clock_now_us();
    return true;
}

/* ---- a verify command ---- */

bool coordinator_verify(struct coordinator *c, const struct command_row *command, struct tmv_error *err)
{
    static const struct verify_proof none = {0};
    struct tmv_error why;

    if (!c->connected || !c->verifier.running)
        return coordinator_answer(c, command, TMV_COMMAND_REFUSED,
                                  "the stores are not connected now; try again", err);
    if (command->repair && !tmv_repair_allowed(c->row.phase, &why))
        return coordinator_answer(c, command, TMV_COMMAND_REFUSED, why.message, err);
    if (!save_proof(c, &none, err))
        return false;
    verify_worker_restart(&c->verifier, command->repair);
    c->difference_told = false;
    c->verify = *command;
    c->verify_waits = true;
    return true;
}

static void describe_outcome(const struct coordinator *c, const struct verify_progress *v, char *text,
                             size_t size)
{
    int used = 0;

    if (c->verify.repair)
        used = snprintf(text, size,
                        "repaired: %" PRId64 " events removed from the target, %" PRId64 " copied to it; ",
                        v->repaired.to_remove, v->repaired.to_copy);
    if (v->differs)
        snprintf(text + used, size - (size_t)used, "%" PRId64 " differences, the first at position %" PRId64,
                 v->report.differences, v->report.found[0].position);
    else
        snprintf(text + used, size - (size_t)used, "equal up to position %" PRId64, v->verified_to);
}

static bool answer_verify(struct coordinator *c, const struct verify_progress *v, struct tmv_error *err)
{
    char outcome[TMV_REASON_MAX];

    if (v->repair_failed.code != TMV_OK) {
        c->verify_waits = false;
        return coordinator_answer(c, &c->verify, TMV_COMMAND_FAILED, v->repair_failed.message, err);
    }
    c->verify_waits = false;
    if ((c->verify.repair && !store_report(c, &v->repaired, err)) ||
        (!v->differs && !store_report(c, &v->report, err)))
        return false;
    describe_outcome(c, v, outcome, sizeof outcome);
    return coordinator_answer(c, &c->verify, v->differs ? TMV_COMMAND_FAILED : TMV_COMMAND_DONE, outcome,
                              err);
}

/* The first time that everything is proven is worth a report of its own. */
static bool tell_first_proof(struct coordinator *c, const struct verify_progress *v, struct tmv_error *err)
{
    if (c->proof_told || c->row.phase != TMV_PHASE_DUAL_WRITE || v->differs || v->report.from_position > 0 ||
        v->verified_to == 0)
        return true;
    c->proof_told = true;
    return store_report(c, &v->report, err);
}

bool coordinator_follow_verification(struct coordinator *c, struct tmv_error *err)
{
    struct verify_progress v;

    verify_worker_feed(&c->verifier, c->tailer.watermark);
    verify_worker_look(&c->verifier, &v);
    if (!save_proof(c, &v.proof, err))
        return false;
    if (v.differs && !c->difference_told) {
        c->difference_told = true;
        if (!store_report(c, &v.report, err))
            return false;
    }
    bool close = c->tailer.watermark - v.verified_to <= VERIFY_CLOSE;
    bool proven = v.total_at_us > 0 && ((close && v.verified_to > 0) || c->tailer.watermark == 0);
    bool done = !v.repairing && (v.differs || proven || (c->verify_waits && v.repair_failed.code != TMV_OK));
    if (!done)
        return true;
    return c->verify_waits ? answer_verify(c, &v, err) : tell_first_proof(c, &v, err);
}

/* ---- after the decision ---- */

bool coordinator_verify_completed(struct coordinator *c, const struct command_row *command,
                                  struct tmv_error *err)
{
    struct tmv_verify_report report;
    char outcome[TMV_REASON_MAX];
    struct tmv_error why;

    if (command->repair && !tmv_repair_allowed(c->row.phase, &why))
        return coordinator_answer(c, command, TMV_COMMAND_REFUSED, why.message, err);
    /* What was there at the decision; later events are only on the target. */
    const struct verifier_task task = {.endpoints = &c->endpoints,
                                       .level = TMV_VERIFY_HASH,
                                       .span = {.low = 0, .high = c->tailer.watermark},
                                       .source = c->tailer.source,
                                       .target = c->tailer.target,
                                       .whole = true,
                                       .workers = workers(c)};

    if (!verifier_run(&task, &report, err) || !store_report(c, &report, err))
        return false;
    snprintf(outcome, sizeof outcome, "%" PRId64 " differences up to the decision at position %" PRId64,
             report.differences, c->tailer.watermark);
    return coordinator_answer(c, command, report.consistent ? TMV_COMMAND_DONE : TMV_COMMAND_FAILED, outcome,
                              err);
}

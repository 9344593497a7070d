#include "model/moves.h"

#include "lib/assert.h"

#define IN(phase) (1u << TMV_PHASE_##phase)
#define ACTIVE (IN(PENDING) | IN(BULK_COPY) | IN(DUAL_WRITE) | IN(CUTOVER))
#define ANY (ACTIVE | IN(COMPLETED) | IN(ABORTED) | IN(FAILED))

static const struct move_row rows[MOVE_COUNT] = {
    [MOVE_BEGIN_COPY] = {"begin_copy", IN(PENDING), false, TMV_PHASE_BULK_COPY, AUDIT_PHASE_CHANGED,
                         TMV_ROUTING_BULK_COPY, "phase.before_bulk_copy", "phase.bulk_copy", NULL},
    [MOVE_BEGIN_DUAL_WRITE] = {"begin_dual_write", IN(BULK_COPY), false, TMV_PHASE_DUAL_WRITE,
                               AUDIT_PHASE_CHANGED, TMV_ROUTING_DUAL_WRITE, "phase.before_dual_write",
                               "phase.dual_write", NULL},
    /* Nobody is told to wait: the fence holds writers, for milliseconds. */
    [MOVE_BEGIN_CUTOVER] = {"begin_cutover", IN(DUAL_WRITE), false, TMV_PHASE_CUTOVER,
                            AUDIT_CUTOVER_INITIATED, TMV_ROUTING_DUAL_WRITE, "phase.before_cutover",
                            "phase.cutover", NULL},
    [MOVE_ROLL_BACK] = {"roll_back", IN(CUTOVER), false, TMV_PHASE_DUAL_WRITE, AUDIT_CUTOVER_ROLLED_BACK,
                        TMV_ROUTING_DUAL_WRITE, "rollback.before_phase", "rollback.phase",
                        "the cutover did not come to a decision"},
    [MOVE_COMPLETE] = {"complete", IN(CUTOVER), false, TMV_PHASE_COMPLETED, AUDIT_MIGRATION_COMPLETED,
                       TMV_ROUTING_MIGRATED, "cutover.before_control_follows", "cutover.control_follows",
                       NULL},
    [MOVE_FOLLOW_DECISION] = {"follow_decision", ANY, false, TMV_PHASE_COMPLETED, AUDIT_MIGRATION_COMPLETED,
                              TMV_ROUTING_MIGRATED, "follow.before_control", "follow.control",
                              "the source had decided"},
    [MOVE_ABORT] = {"abort", IN(PENDING) | IN(BULK_COPY) | IN(DUAL_WRITE), false, TMV_PHASE_ABORTED,
                    AUDIT_MIGRATION_ABORTED, TMV_ROUTING_NORMAL, "phase.before_aborted", "phase.aborted",
                    NULL},
    [MOVE_PAUSE] = {"pause", ACTIVE, true, TMV_PHASE_COUNT, AUDIT_MIGRATION_PAUSED, TMV_ROUTING_COUNT,
                    "pause.before_row", "pause.row", NULL},
    [MOVE_RESUME] = {"resume", ACTIVE, true, TMV_PHASE_COUNT, AUDIT_MIGRATION_RESUMED, TMV_ROUTING_COUNT,
                     "pause.before_row", "pause.row", NULL},
    [MOVE_FINALIZE] = {"finalize", IN(COMPLETED), true, TMV_PHASE_COUNT, AUDIT_PROGRESS_CHECKPOINT,
                       TMV_ROUTING_COUNT, "finalize.before_row", "finalize.row",
                       "the old store is not kept current any more"},
    [MOVE_ERROR] = {"error", ANY, true, TMV_PHASE_COUNT, AUDIT_ERROR_OCCURRED, TMV_ROUTING_COUNT,
                    "error.before_report", "error.reported", NULL},
};

const struct move_row *move_row(enum move_id move)
{
    TMV_ASSERT((unsigned)move < MOVE_COUNT);
    return &rows[move];
}

bool move_is_made_from(enum move_id move, enum tmv_phase from)
{
    return (move_row(move)->from & 1u << from) != 0;
}

enum tmv_phase move_leads_to(enum move_id move, enum tmv_phase from)
{
    return move_row(move)->stays ? from : move_row(move)->to;
}

/* The life of a migration as one table of moves: from which phases a move is made, where it leads, which
 * audit row it writes, what routing says afterwards, and the fault points around it. What changes a phase, a
 * pause, or counts an error is a row here and is made by move_apply (engine/move.h) only; audit, routing,
 * logs and observers follow from the row.
 *
 * The side columns of tenant_migrations (started_at …) follow from the phases, in change_phase of the control
 * schema: they are written in the same statement.
 *
 * Pure; any thread. */
#pragma once

#include "model/audit_events.h"
#include "tenantmv/types.h"

enum move_id {
    MOVE_BEGIN_COPY,
    MOVE_BEGIN_DUAL_WRITE,
    MOVE_BEGIN_CUTOVER,
    MOVE_ROLL_BACK,
    MOVE_COMPLETE,        /* in the transaction that decides, or in one that follows it */
    MOVE_FOLLOW_DECISION, /* the source's fence says that it was decided, and control does not know it yet */
    MOVE_ABORT,
    MOVE_PAUSE,
    MOVE_RESUME,
    MOVE_FINALIZE, /* the old store is not kept current any more */
    MOVE_ERROR,    /* something failed; it is counted and told, nothing else changes */
    MOVE_COUNT
};

struct move_row {
    const char *name;
    unsigned from; /* bits, 1 << phase */
    bool stays;    /* the phase stays what it is; `to` and `routing` say nothing */
    enum tmv_phase to;
    enum audit_event audit;
    enum tmv_routing_state routing; /* of the tenant, afterwards */
    const char *before, *after;     /* fault points */
    const char *by_itself;          /* the reason told when none was given; NULL: none */
};

/* A constant. */
const struct move_row *move_row(enum move_id move);
bool move_is_made_from(enum move_id move, enum tmv_phase from);
/* The phase after it. */
enum tmv_phase move_leads_to(enum move_id move, enum tmv_phase from);

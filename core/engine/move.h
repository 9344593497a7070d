/* Making the moves of model/moves.h: the only place that changes the phase of a migration, pauses it, or
 * counts an error. Two exceptions, for atomicity: where the control tables are in the source's database, the
 * cutover's deciding transaction writes MOVE_COMPLETE; and what makes a move void is written with the
 * ledger's note of it (fact_watch.c), as MOVE_ERROR would be. Both are told from here.
 */
#pragma once

#include "engine/coordinator.h"
#include "model/moves.h"

struct move_note {
    const char *reason;        /* NULL: the move's own */
    const char *details;       /* JSON object text for the audit; NULL: the reason alone */
    const char *operator_name; /* who asked; NULL: the engine by itself */
    const char *last_error;    /* for an end that nobody asked for: what happened; NULL otherwise */
};

/* Makes a move from the phase of c->row: its fault points, the change with audit and routing in one
 * transaction, a line in the log, a notice to the observers, and c->row as it is then. A pause that is there
 * already changes nothing and is not told; a completion is told by move_completed. CONFLICT when
 * another program changed the phase meanwhile; OWNERSHIP and errors of the control database. Blocks for one
 * statement there (CONTROL_TIMEOUT_US). `note` may be NULL. */
TMV_NODISCARD bool move_apply(struct coordinator *c, enum move_id move, const struct move_note *note,
                              struct tmv_error *err);
/* Counts and keeps an error (last_error, error_count), and tells it. */
TMV_NODISCARD bool move_report_error(struct coordinator *c, const struct tmv_error *what,
                                     struct tmv_error *err);
/* Tells an error that another transaction has written. */
void move_error_recorded(const struct coordinator *c, const char *why);
/* Tells a completion, whichever transaction has written it: after it is settled, so that it is told once
 * whatever became of the engine that decided. `operator_name` may be NULL. */
void move_completed(const struct coordinator *c, const char *operator_name);

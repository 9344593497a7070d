#include "model/lifecycle.h"

#include <stdio.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/text.h"

/* Every operation that is allowed. What is not here is refused. Nothing is in cutover: it lasts milliseconds
 * and rolls back by itself. */
static const struct lifecycle_row allowed[] = {
    {TMV_PHASE_PENDING, false, TMV_OP_PAUSE, "nothing begins until it is resumed"},
    {TMV_PHASE_PENDING, false, TMV_OP_ABORT, "ends before anything was created"},
    {TMV_PHASE_PENDING, true, TMV_OP_RESUME, "begins"},
    {TMV_PHASE_PENDING, true, TMV_OP_ABORT, "ends before anything was created"},
    {TMV_PHASE_BULK_COPY, false, TMV_OP_PAUSE, "stops at the next chunk, loses nothing"},
    {TMV_PHASE_BULK_COPY, false, TMV_OP_ABORT, "undoes what was created; the source stays as it is"},
    {TMV_PHASE_BULK_COPY, true, TMV_OP_RESUME, "continues at the next chunk"},
    {TMV_PHASE_BULK_COPY, true, TMV_OP_ABORT, "undoes what was created; the source stays as it is"},
    {TMV_PHASE_DUAL_WRITE, false, TMV_OP_PAUSE, "mirroring stops, the lag grows"},
    {TMV_PHASE_DUAL_WRITE, false, TMV_OP_CUTOVER, "switches the tenant, or rolls back by itself"},
    {TMV_PHASE_DUAL_WRITE, false, TMV_OP_REHEARSE, "does all of a cutover but the decision"},
    {TMV_PHASE_DUAL_WRITE, false, TMV_OP_ABORT, "undoes what was created; the source stays as it is"},
    {TMV_PHASE_DUAL_WRITE, false, TMV_OP_VERIFY, "compares both ends"},
    {TMV_PHASE_DUAL_WRITE, true, TMV_OP_RESUME, "catches up"},
    {TMV_PHASE_DUAL_WRITE, true, TMV_OP_ABORT, "undoes what was created; the source stays as it is"},
    {TMV_PHASE_DUAL_WRITE, true, TMV_OP_VERIFY, "compares both ends as far as was copied"},
    {TMV_PHASE_COMPLETED, false, TMV_OP_VERIFY, "compares both ends as far as was copied"},
    {TMV_PHASE_COMPLETED, false, TMV_OP_FINALIZE,
     "stops keeping the old store current; there is no way back"},
};

static bool in_table(enum tmv_phase phase, bool paused, enum tmv_operation operation)
{
    /* A migration that ended is not paused, whatever another program left in the column. */
    paused = paused && !tmv_phase_is_terminal(phase);
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
        if (allowed[i].phase == phase && allowed[i].paused == paused && allowed[i].operation == operation)
            return true;
    return false;
}

static void explain(enum tmv_phase phase, bool paused, enum tmv_operation operation, char *why)
{
    AUTO(buf) struct buf text = BUF_INIT(TMV_REASON_MAX - 1);
    bool any = false;

    buf_printf(&text, "%s is not possible in %s%s; ", tmv_operation_name(operation), tmv_phase_name(phase),
               paused && !tmv_phase_is_terminal(phase) ? " (paused)" : "");
    for (int op = 0; op < TMV_OP_COUNT; op++) {
        /* It is not the phase that allows its end: where an old store is kept current is said there. */
        if (op == TMV_OP_FINALIZE || !in_table(phase, paused, (enum tmv_operation)op))
            continue;
        buf_printf(&text, "%s%s", any ? ", " : "allowed now: ", tmv_operation_name((enum tmv_operation)op));
        any = true;
    }
    if (!any)
        buf_str(&text, phase == TMV_PHASE_CUTOVER ? "it ends or rolls back by itself within its pause budget"
                                                  : "it has ended: start a new migration");
    text_copy(why, TMV_REASON_MAX, buf_text(&text));
}

bool lifecycle_allows(enum tmv_phase phase, bool paused, enum tmv_operation operation, char *why)
{
    if (in_table(phase, paused, operation))
        return true;
    if (why)
        explain(phase, paused, operation, why);
    return false;
}

const struct lifecycle_row *lifecycle_rows(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(allowed);
    return allowed;
}

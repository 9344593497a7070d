/* What a completed migration still does (column tenantmv.migration_state.ending). Pure; any thread. */
#pragma once

#include <stdbool.h>

enum ending {
    ENDING_NONE,       /* nothing */
    ENDING_HOLD,       /* leg 2 keeps the old store current */
    ENDING_FINALIZING, /* that is being ended */
    ENDING_FINALIZED,
    ENDING_COUNT
};

/* As in the column. */
const char *ending_name(enum ending ending);
/* False for a word that is not in the list. */
bool ending_parse(const char *name, enum ending *ret_ending);
/* Whether an engine has something to do for it. */
bool ending_is_open(enum ending ending);

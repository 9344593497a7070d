#include "model/ending.h"

#include <string.h>

#include "lib/assert.h"

static const char *const names[ENDING_COUNT] = {
    [ENDING_NONE] = "",
    [ENDING_HOLD] = "hold",
    [ENDING_FINALIZING] = "finalizing",
    [ENDING_FINALIZED] = "finalized",
};

const char *ending_name(enum ending ending)
{
    TMV_ASSERT((unsigned)ending < ENDING_COUNT);
    return names[ending];
}

bool ending_parse(const char *name, enum ending *ret_ending)
{
    for (int i = 0; i < ENDING_COUNT; i++)
        if (strcmp(names[i], name) == 0) {
            *ret_ending = (enum ending)i;
            return true;
        }
    return false;
}

bool ending_is_open(enum ending ending)
{
    return ending == ENDING_HOLD || ending == ENDING_FINALIZING;
}

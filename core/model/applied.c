#include "model/applied.h"

#include <string.h>

static const char *const names[APPLIED_COUNT] = {
    [APPLIED_COPYING] = "copying",
    [APPLIED_MIRRORING] = "mirroring",
    [APPLIED_UNDOING] = "undoing",
    [APPLIED_DONE] = "done",
};

bool applied_state_parse(const char *name, enum applied_state *ret_state)
{
    for (int i = APPLIED_COPYING; i < APPLIED_COUNT; i++)
        if (strcmp(names[i], name) == 0) {
            *ret_state = (enum applied_state)i;
            return true;
        }
    return false;
}

/* Fault points by name, compiled out unless the build option `fault_points` is on.
 *
 * `fault_hit("cutover.after_drain", err)` does nothing unless the environment variable TENANTMV_FAULT names
 * the point: NAME=exit (ends the process at once, as kill -9 would), NAME=stop (SIGSTOP to itself),
 * NAME=error (fails). NAME#3=… means the third time the point is reached.
 */
#pragma once

#include <stddef.h>

#include "tenantmv/error.h"

#ifdef TMV_FAULT_POINTS
TMV_NODISCARD bool fault_hit(const char *name, struct tmv_error *err);
/* Whether a known bug is switched on by TENANTMV_MUTANT, so that a test can show that it would be caught. */
bool fault_is_mutant(const char *name);
#else
static inline bool fault_is_mutant(const char *name)
{
    (void)name;
    return false;
}

static inline bool fault_hit(const char *name, struct tmv_error *err)
{
    (void)name;
    (void)err;
    return true;
}
#endif

/* Fault points by name, compiled out unless the build option `fault_points` is on.
 *
 * `fault_hit("cutover.after_drain", err)` does nothing unless the environment variable TENANTMV_FAULT names
 * the point. Its value is a list NAME[#N]=WHAT,… ; #N means the N-th time that the point is reached (the
 * first otherwise), and WHAT is one of exit   the process ends at once, as kill -9 would end it; stop SIGSTOP
 * to itself; error  the step fails; cut    the connection that this thread used last is shut down at socket
 * level, without a goodbye; lose   the next statement of this thread is sent, and its connection is cut
 * before the answer. `random#SEED=PERMILLE` does any of them, now and then, at every point.
 * TENANTMV_FAULT_TRACE names a file to which the name of every point is appended when it is first reached.
 *
 * Every name stands in one table, so that tests can go through all of them: a point that is not there ends
 * the program, and tests/lint finds it without running anything.
 */
#pragma once

#include <stddef.h>

#include "tenantmv/error.h"

#ifdef TMV_FAULT_POINTS
TMV_NODISCARD bool fault_hit(const char *name, struct tmv_error *err);
/* Whether a known bug is switched on by TENANTMV_MUTANT, so that a test can show that it would be caught. */
bool fault_is_mutant(const char *name);
/* The socket that this thread waits on: what `cut` shuts down. */
void fault_socket_used(int fd);
/* Everything of a statement has been sent on a socket: where `lose` strikes. */
void fault_statement_sent(int fd);
/* All names. */
const char *const *fault_points(size_t *ret_count);
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

static inline void fault_socket_used(int fd)
{
    (void)fd;
}

static inline void fault_statement_sent(int fd)
{
    (void)fd;
}

static inline const char *const *fault_points(size_t *ret_count)
{
    *ret_count = 0;
    return NULL;
}
#endif

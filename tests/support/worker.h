/* The program's engine as a process of its own, which a test may kill, stop and let go on. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define WORKER_FAULT_EXIT 86 /* how a process ends at a fault point with "=exit" */

/* Starts `tenantmv worker` on life's control database. `name` is the engine's, as the lease shows it (NULL:
 * the program's own); `fault` is the value of TENANTMV_FAULT (NULL: none). It dies with the test program. */
pid_t worker_start(const char *name, const char *fault);
/* Whether it ended at its fault point; any other end fails the test. */
bool worker_has_exited(pid_t pid);
/* Whether every thread of it is stopped. */
bool worker_is_stopped(pid_t pid);
void worker_wait_until_stopped(pid_t pid); /* fails the test after a minute */
void worker_continue(pid_t pid);
void worker_kill(pid_t pid); /* kill -9; returns when it is gone */
void worker_end(pid_t pid);  /* SIGTERM; returns when it is gone */

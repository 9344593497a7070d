/* Starts a program from a test program that may have threads. Another thread may hold the allocator's or a
 * stream's lock at the fork, and under AddressSanitizer nothing frees it in the child: so everything is
 * prepared before, and between fork and exec there are system calls only. (A worker that waited for such a
 * lock for ever looked like a migration that nobody took.) */
#pragma once

#include <sys/types.h>

struct spawn {
    const char *const *argv;        /* argv[0] is the program's path; ends with NULL */
    const char *const *environment; /* "NAME=value" sets, "NAME" unsets; ends with NULL; NULL: as it is */
    const char *out, *err;          /* files that are appended to; NULL: the test program's own */
};

/* Returns the pid. The program dies with the thread that started it; 127 is its exit code when it cannot be
 * executed. Fails the test when a file cannot be opened or the process not be made. */
pid_t spawn_program(const struct spawn *spec);

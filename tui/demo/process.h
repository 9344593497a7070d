/* Short-lived child processes: run one to its end, with a bound, as another user if need be.
 *
 * A child gets a small environment of its own (no PG… variable of ours reaches it), its own session, and ends
 * when the thread that started it ends. Any thread may call process_run; the child does nothing but system
 * calls before exec.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tenantmv/error.h"

/* Who a child runs as: PostgreSQL refuses to run as root. */
struct run_user {
    bool drop; /* we are root: become uid and gid in the child */
    uid_t uid;
    gid_t gid;
    char name[64]; /* for messages */
};
/* Ourselves, or as root the user `postgres` or else `nobody`. */
TMV_NODISCARD bool run_user_find(struct run_user *ret_user, struct tmv_error *err);
/* In a child: gives up root for good; false if that failed. Only system calls. */
bool run_user_become(const struct run_user *user);

struct process_spec {
    const char *const *argv;     /* ends in NULL; argv[0] is an absolute path or a name found in PATH */
    const struct run_user *user; /* NULL: as we are */
    const char *input;           /* text for its standard input; NULL: none */
    const char *directory;       /* where it starts; NULL: "/" */
    int64_t timeout_us;          /* it is killed then */
    int cancel_fd;               /* it is killed when this becomes readable; -1: never */
};
#define PROCESS_OUTPUT_MAX 65536
/* Runs it. An exit status other than 0 is an error whose message holds the line of its stderr that says why.
 * What it wrote to stdout comes in *ret_output (may be NULL), which the caller frees; more than
 * PROCESS_OUTPUT_MAX is cut. */
TMV_NODISCARD bool process_run(const struct process_spec *spec, char **ret_output, struct tmv_error *err);

/* The environment of every child, for exec; static. */
char *const *process_environment(void);
/* A descriptor that becomes readable when process `pid` has ended; -1 when there is no such process. */
int process_watch(pid_t pid);
/* Waits until a watched process ended; false when `timeout_us` passed. */
bool process_wait_end(int watch_fd, int64_t timeout_us);

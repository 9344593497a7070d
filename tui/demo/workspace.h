/* A directory of our own and the servers that run in it. Whatever becomes of this program (a return, a
 * signal, kill -9, a lost terminal), the servers end and the directory goes.
 *
 * A small reaper process does that: it is forked when the workspace is opened, starts the servers as its own
 * children, and learns from a closed socket that we are gone. If the reaper is killed, the kernel ends the
 * servers.
 */
#pragma once

#include "demo/process.h"

struct workspace;

struct workspace_options {
    const char *keep; /* a directory to use and to leave in place (made if missing, else empty); NULL: a
                         temporary one */
    int cancel_fd;    /* readable: everything that waits here gives up; -1: never */
};
/* Open it before the program starts threads. A temporary directory is made under $TMPDIR, or under /tmp when
 * $TMPDIR is too long for a socket's path or closed to the user that the servers run as. */
TMV_NODISCARD bool workspace_open(const struct workspace_options *options, struct workspace **ret_workspace,
                                  struct tmv_error *err);
/* Ends the servers, removes the directory (unless kept) and frees it. Blocks up to 30 s. NULL is fine. */
void workspace_close(struct workspace *workspace);

const char *workspace_path(const struct workspace *workspace);
const struct run_user *workspace_user(const struct workspace *workspace);
int workspace_cancel_fd(const struct workspace *workspace);
/* Starts a server as the run user, its stdout and stderr appended to `log`. It gets SIGQUIT when the
 * workspace ends (SIGINT when it is kept). Thread-safe. */
TMV_NODISCARD bool workspace_spawn(struct workspace *workspace, const char *const *argv, const char *log,
                                   pid_t *ret_pid, struct tmv_error *err);
/* Makes path/<name> for the run user, mode 0700. */
TMV_NODISCARD bool workspace_make_dir(const struct workspace *workspace, const char *name, char *ret_path,
                                      size_t size, struct tmv_error *err);

/* What the screen, the script and the plain lines have in common: the state, the threads that feed it, the
 * signals. */
#pragma once

#include "console/console.h"
#include "console/state.h"

struct session {
    const struct console_options *options;
    struct state state;
    struct canvas canvas;
    struct theme theme;
    struct monitor *monitor;
    bool shows_stores;              /* somebody can see them */
    struct tmv_engine *engine;      /* the console's own, borrowed; NULL: not started */
    struct tmv_store_watch *stores; /* what looks at the stores instead; borrowed, NULL: not started */
    int wake_fd;                    /* written by the threads */
    int signal_fd;                  /* written by the signal handler */
    int64_t fixed_wall_us;          /* a script's clock; 0: the real one */
};

/* Installs the signal handlers and starts the threads. False with a message on stderr. */
bool session_start(struct session *session, const struct console_options *options);
void session_stop(struct session *session);
/* Signal that asked to end; 0 none. */
int session_signal(const struct session *session);
/* Advances clocks, takes pictures and outcomes over, lets time pass. Does not block. True: something came. */
bool session_turn(struct session *session);
/* Waits for the threads, a signal, `fd` (-1 none), or until `deadline_us`. Returns the poll's events of `fd`.
 */
int session_wait(struct session *session, int fd, int64_t deadline_us);

/* The ways to run; each returns the exit code. */
int run_screen(struct session *session, char *why, size_t why_size, bool *ret_no_terminal);
int run_script(struct session *session);
int run_plain(struct session *session);
int run_once(struct session *session);

/* The console: screens, keys and the threads behind them. Everything that matters lives in the databases and
 * in the engine, which the caller starts; the console may end at any moment and no migration notices.
 */
#pragma once

#include "console/leave.h"
#include "view/names.h"

struct tmv_engine;
struct tmv_store_watch;

struct console_options {
    const char *control_conninfo; /* libpq connection string of the control database */
    const char *environment;      /* name of the installation, "prod-eu"; NULL: none */
    const char *environment_kind; /* "prod", "staging", "dev", "demo": the badge; NULL: none */
    const char *who;              /* operator, "amy"; stored with every request */
    const char *from;             /* where from, "bastion2 pid 4711"; NULL: host and pid */
    const char *engine_note;      /* about an engine that the caller runs in this process; NULL: none does */
    /* Starts the console's engine, as soon as its role is known to have the rights of one; called by the
     * screen's thread, until it returned one. The caller stops the engine, after console_run. NULL: no engine
     * is wanted. */
    struct tmv_engine *(*engine_start)(void *user, struct tmv_error *err);
    /* The same for what looks at the stores where no engine is wanted. NULL: others look. */
    struct tmv_store_watch *(*stores_start)(void *user, struct tmv_error *err);
    void *engine_user;
    const char *theme;         /* name or file of a theme; NULL: $TENANTMV_THEME, or a built-in one */
    const char *script;        /* file of keys and screens to save instead of a terminal; NULL: none */
    bool read_only;            /* watch: no action path at all, read-only transactions */
    bool ascii;                /* no byte above 0x7e */
    bool no_color;             /* as with $NO_COLOR */
    bool plain;                /* one line per change on stdout, no screen; also when stdout is no terminal */
    bool once;                 /* one picture as plain lines, then end: 0 well, 1 warnings, 2 failed or stuck,
                                  4 no contact */
    bool only_problems;        /* only migrations that are not well */
    bool big;                  /* figures to be read from afar */
    bool no_keys;              /* a display on a wall: no key but Ctrl-C is heard */
    bool accessible;           /* for screen readers: words for bars, the cursor where the selection is */
    int64_t page_us;           /* shows the next page of the fleet every so often; 0: never */
    struct tenant_names names; /* aliases */
    /* One line that the caller wants under the header (the demo's writers); called at each redraw by the
     * screen's thread, so it must not block. Leaves `text` empty for none. NULL: none. */
    void (*note)(void *user, char *text, size_t size);
    void *note_user;
};

/* Runs until the person quits (q), the terminal goes away, or a signal asks to end. Installs handlers for
 * SIGINT, SIGTERM, SIGQUIT and SIGHUP for the time it runs and puts the old ones back. An unreachable
 * database is a state on screen, not an error. Returns the exit code: 0, 128 + signal, or as `once` says.
 * *ret_leave: what the person chose for the embedded engine; LEAVE_STOP when nobody was asked. It may be
 * NULL. Call from the main thread. */
int console_run(const struct console_options *options, enum leave *ret_leave);

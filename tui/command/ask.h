/* Operations on a running migration: written as a command for the engine that owns it, and then waited for.
 */
#pragma once

#include "cli/cli.h"
#include "tenantmv/snapshot.h"

/* What to ask and how long to wait for the outcome. */
struct ask {
    struct tmv_request request; /* migration and generation are filled in here */
    bool wait;          /* until it is done; otherwise only a moment, to say how it went if it goes fast */
    int64_t timeout_us; /* with `wait`: give up waiting after so long; the command stays */
};

/* How long verbs wait that were not told to, microseconds. */
#define ASK_GRACE_US INT64_C(2000000)

/* Options of every verb that asks: --wait and --timeout. */
#define ASK_WAIT_OPTIONS(arguments)                                                                          \
    OPT_FLAG("wait", 'w', offsetof(arguments, wait),                                                         \
             "wait until the engine has done it, and end with its outcome"),                                 \
        OPT_DURATION("timeout", 0, offsetof(arguments, timeout_us), "TIME", 1000000, 86400000000,            \
                     "with --wait: stop waiting after this time; 10m otherwise")
#define ASK_TIMEOUT_US INT64_C(600000000)
/* Of a verb whose request expires. */
#define ASK_WITHIN_OPTION(arguments)                                                                         \
    OPT_DURATION("within", 0, offsetof(arguments, within_us), "TIME", 1000000, TMV_REQUEST_LIFETIME_MAX_US,  \
                 "the request expires if no engine has begun with it by then; 60s otherwise")

/* Writes the command and waits. Prints how it went. Errors: those of tmv_request; REFUSED or SQL with what
 * the engine said; TIMEOUT when it was not done in time; CANCELLED by Ctrl-C,
 * which on a terminal asks whether to withdraw the request. */
TMV_NODISCARD bool ask_engine(struct cli *cli, const struct tmv_migration *migration, const struct ask *ask,
                              struct tmv_error *err);
/* Whether some engine owns the migration and was heard lately. */
bool engine_is_alive(const struct tmv_migration *migration);

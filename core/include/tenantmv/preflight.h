/* Preflight: every condition of a migration, each with a verdict and what to do about it.
 *
 * It leaves no trace in a table: what it tries on a store is rolled back. Calls on one control handle follow
 * its rules (tenantmv/control.h).
 *
 * Cannot fail: every function that takes no `err`.
 */
#pragma once

#include "tenantmv/control.h"

enum tmv_verdict { TMV_VERDICT_OK, TMV_VERDICT_WARN, TMV_VERDICT_REFUSE };

struct tmv_check {
    char group[16]; /* places, rights, shape, columns, unique, data, application, trial, load */
    char name[48];  /* "source-target-differ" */
    enum tmv_verdict verdict;
    bool passing;   /* a refusal that may end by itself: a server that is away now */
    char seen[400]; /* what was found */
    char todo[800]; /* what to do, often the statements to run; "" when ok */
};
struct tmv_preflight {
    size_t count;
    struct tmv_check *checks; /* owned */
    int refusals;
    int warnings;
    char *statements; /* every statement that starting would run, as text; NULL unless asked for */
};
/* Runs all checks for moving options->tenant, over connections of its own to both stores. `with_statements`
 * adds the dry run. No check begins after 25 s, and each gives up after some seconds: blocks up to about 30
 * s, longer only when the control database or name resolution does not answer. The caller frees
 * *ret_preflight with tmv_preflight_free.
 *
 * Errors: only what keeps it from looking at all. Those of the control database (tenantmv/control.h);
 * NOT_FOUND (no such store, or the source is left to routing and the tenant has no route), USAGE (no target),
 * NOMEM; with `with_statements` also those of reading the stores. A store that cannot be reached is a refused
 * check. */
TMV_API TMV_NODISCARD bool tmv_preflight_run(struct tmv_control *control,
                                             const struct tmv_start_options *options, bool with_statements,
                                             struct tmv_preflight **ret_preflight, struct tmv_error *err);
/* Frees a preflight with all that it holds; NULL is fine. Any thread. */
TMV_API void tmv_preflight_free(struct tmv_preflight *preflight);
/* "ok", "warn", "refuse"; "?" for another number. A constant. Any thread. */
TMV_API const char *tmv_verdict_name(enum tmv_verdict verdict);

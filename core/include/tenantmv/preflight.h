/* Preflight: every condition of a migration, each with a verdict and what to do about it. Changes nothing. */
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
/* Runs all checks for moving options->tenant. `with_statements` adds the dry run. Blocks up to about 30 s.
 * Errors are only those that keep it from looking at all (control database unreachable, unknown store …); an
 * unreachable store is a refused check. The caller frees with tmv_preflight_free. */
TMV_API TMV_NODISCARD bool tmv_preflight_run(struct tmv_control *control,
                                             const struct tmv_start_options *options, bool with_statements,
                                             struct tmv_preflight **ret_preflight, struct tmv_error *err);
TMV_API void tmv_preflight_free(struct tmv_preflight *preflight); /* NULL is fine */
TMV_API const char *tmv_verdict_name(enum tmv_verdict verdict);

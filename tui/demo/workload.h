/* Writers: threads that append events of all tenants through the router, as applications would, and write
 * down in the journal what they were told.
 *
 * Each writer keeps streams of its own and appends with the exact version that it expects, so every answer
 * can be checked. Seven of eight appends go to the hot tenant when there is one, the others to all tenants in
 * turn.
 */
#pragma once

#include "demo/journal.h"
#include "tenantmv/router.h"

struct workload;

struct workload_options {
    struct tmv_router *router;      /* borrowed until workload_stop */
    struct journal *journal;        /* borrowed until workload_stop */
    const struct tmv_uuid *tenants; /* copied */
    size_t tenant_count;
    int writers;  /* threads */
    int64_t rate; /* appends/s over all writers; 0: closed loop */
};
TMV_NODISCARD bool workload_start(const struct workload_options *options, struct workload **ret_workload,
                                  struct tmv_error *err);
/* Ends the writers, each after the append it is in, and frees the workload. *ret_totals may be NULL. */
struct workload_totals {
    int64_t acknowledged;   /* appends that the router confirmed */
    int64_t failed;         /* appends that it refused or gave up */
    int64_t unknown;        /* appends whose answer was lost */
    char last_failure[400]; /* message of the last of the latter two; "" none */
};
void workload_stop(struct workload *workload, struct workload_totals *ret_totals); /* NULL is fine */
void workload_get_totals(struct workload *workload, struct workload_totals *ret_totals);

#define WORKLOAD_NOBODY ((size_t)-1)
/* Which tenant gets most of the writes from now on; WORKLOAD_NOBODY: all get the same. */
void workload_set_hot(struct workload *workload, size_t tenant);

/* The longest time between two successive acknowledgements of a tenant, over all writers, between begin and
 * end. What the acknowledgement before `begin` and the time of `end` bound counts too: a silence does not
 * hide in the margins. */
void workload_gap_begin(struct workload *workload, size_t tenant);
int64_t workload_gap_end(struct workload *workload, size_t tenant);

/* What people do to a store while a tenant moves: they add columns and partitions, set sequences, replace
 * functions, disable triggers. The worker is stopped at a fault point, the change is made, the worker
 * continues.
 *
 * A migration must either move everything, new columns included, or refuse the cutover with a message that
 * names what changed; then an operator aborts it, and nothing is lost. */
#pragma once

#include "chaos/bed.h"

struct change_kind;

struct change {
    const struct change_kind *kind;         /* NULL: nothing changes */
    struct pgx_conn *on_source, *on_target; /* owned */
    size_t made;                            /* steps of the change that are done */
    size_t written;     /* number in the history of the event that comes with the change */
    bool struck;        /* the change may be made */
    bool remedied;      /* the operator did what the message asks for */
    bool refused;       /* the operator gave up: the migration is to be aborted */
    int64_t refused_us; /* since when the message has been shown; 0: it is not */
};

/* All names, for a table of cases. */
const char *const *change_faults(size_t *ret_count);
/* Whether a fault is one of these; NULL is not. */
bool change_is(const char *fault);
/* Whether the bed's stores must be partitioned for it. */
bool change_is_partitioned(const char *fault);

/* Before the migration begins; `tenant` is the one that moves. */
void change_open(struct change *change, const char *fault, struct bed *bed, const struct bed_tenant *tenant);
/* The worker is stopped at its point: makes what can be made without waiting for the locks that it holds. */
void change_strike(struct change *change, struct bed *bed, const struct bed_tenant *tenant);
/* Makes the rest, and reads whether the migration refuses; call it often. */
void change_continue(struct change *change, struct bed *bed, const struct bed_tenant *tenant);
/* Whether all of it was made; true when there is none. */
bool change_is_made(const struct change *change);
/* Whether the migration has refused for good: it must be possible to abort it. */
bool change_is_refused(const struct change *change);
void change_close(struct change *change);

/* Writers of every kind that users have, as threads. Each keeps streams of its own, so that the version that
 * it must use is known to it, notes what it attempts and what it is told, and follows the tenant to its new
 * store as applications of its kind do: the router by itself, the others when they are turned away (TM001).
 */
#pragma once

#include "chaos/bed.h"
#include "tenantmv/router.h"

enum writer_kind {
    WRITER_ROUTER,          /* through the router */
    WRITER_INSERT,          /* one INSERT, autocommit */
    WRITER_ROWS,            /* one INSERT of several rows */
    WRITER_COPY,            /* COPY of several rows */
    WRITER_STATEMENTS,      /* a transaction of several statements over two streams */
    WRITER_REPEATABLE_READ, /* with a snapshot that is older than its INSERT */
    WRITER_SERIALIZABLE,
    WRITER_PREPARED,  /* two phases; some are rolled back */
    WRITER_SAVEPOINT, /* rolls back to a savepoint, then writes */
    WRITER_LONG,      /* holds its transaction open for a while */
    WRITER_ASYNC,     /* does not wait for the disk: a crash of the server may take back what it wrote */
    WRITER_DYING,     /* its connection dies before or while it commits */
    WRITER_KINDS
};

struct writers; /* a group of threads */

/* Everything is borrowed until writers_stop. `through`: the source as the writers reach it (a pooler, a
 * proxy); NULL: directly. */
struct writers *writers_new(struct bed *bed, const char *through);
/* Starts one more: of a tenant of the bed, or of its neighbour (NULL). It waits up to pause_us between two
 * transactions. */
void writers_add(struct writers *writers, const struct bed_tenant *tenant, enum writer_kind kind,
                 int64_t pause_us);
/* Ends the writers of one tenant after the transaction that each is in; the others go on. */
void writers_end(struct writers *writers, const struct bed_tenant *tenant);
/* Ends all and frees the group. */
void writers_stop(struct writers *writers);

/* What the router's writers were refused or left in the dark about, of all groups so far: it must be nothing
 * while no server fails. *ret_last: message of the last one; "" none. */
struct writers_totals {
    int64_t router_writes, router_failed, longest_us;
    char last[400];
};
void writers_get_totals(struct writers *writers, struct writers_totals *ret_totals);

/* Takes the indexes of an empty target away for the time of the copy and puts them back as they were.
 *
 * Guarantees: what is dropped stands in the ledger, with the statements that bring it back, before it is
 * dropped; after a crash at any point a restore ends with the same definitions and names. Only indexes of a
 * plain, empty table are dropped, never with CASCADE, and never one on which something else depends. */
#pragma once

#include "move/shared/endpoints.h"

/* Drops what can be dropped, in one transaction. Does nothing when the table holds an event, is partitioned,
 * or cannot be locked at once. `target` is not in a transaction. */
TMV_NODISCARD bool index_rebuilder_drop(const struct endpoints *endpoints, struct pgx_conn *control,
                                        struct pgx_conn *target, struct tmv_error *err);

/* How many indexes the ledger says are to be built again. */
TMV_NODISCARD bool index_rebuilder_count(const struct endpoints *endpoints, struct pgx_conn *control,
                                         int *ret_count, struct tmv_error *err);

/* Told of the work, from the caller's thread, a few times a second: how many are built, those under way
 * counted by their share. False: stop after the indexes that are being built. */
struct index_rebuilder_hooks {
    void *user;
    bool (*step)(void *user, double done, int total);
};
/* Builds what the ledger names and the target lacks, two at a time; then constraints, comments and so on.
 * *ret_finished false: the hook said stop. Neither connection is in a transaction. `hooks` may be NULL. */
TMV_NODISCARD bool index_rebuilder_restore(const struct endpoints *endpoints, struct pgx_conn *control,
                                           struct pgx_conn *target, const struct index_rebuilder_hooks *hooks,
                                           bool *ret_finished, struct tmv_error *err);

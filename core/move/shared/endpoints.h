/* The endpoints of a leg of a migration and the right to act for it: what every phase needs.
 *
 * A leg is one direction of a migration. Leg 1 is the move; leg 2 carries what is first written to the
 * tenant's new home back to the old one, for which the two stores change places: the source of a leg is where
 * the tenant lives, the target is where the leg writes. A leg has its own applied row on its target. */
#pragma once

#include "control/repositories.h"
#include "store/shape.h"

enum leg_mode {
    LEG_PRESERVE, /* the events keep the source's positions */
    LEG_APPEND    /* they get the target's next ones, in the source's order: others write there, too */
};
struct leg {
    int number; /* from 1; 0 is taken as 1 */
    enum leg_mode mode;
};

struct endpoints {
    struct leg leg;
    struct owner owner;
    char tenant[TMV_UUID_TEXT];
    char migration[TMV_UUID_TEXT]; /* "" without a migration */
    struct tmv_store_info source_store, target_store;
    struct store_shape source, target;
    const struct stop *stop; /* raised when the engine stops: every wait ends */
};

#define BACK_LEG 2
/* The number of the leg in statements. */
int leg_number(const struct leg *leg);
/* The endpoints of the leg that goes the other way, in append mode. */
void endpoints_reverse(const struct endpoints *first, int number, struct endpoints *ret_back);
/* What people call the stores of a leg: "source" and "target" of the move, "new store" and "old store" on the
 * way back. Constants. */
const char *endpoints_source_name(const struct endpoints *endpoints);
const char *endpoints_target_name(const struct endpoints *endpoints);
/* Opens a connection to a store with the migration's name on it; `part` says what it is for ("copy", "tail").
 */
TMV_NODISCARD bool endpoints_connect_source(const struct endpoints *endpoints, const char *part,
                                            struct pgx_conn **ret_conn, struct tmv_error *err);
TMV_NODISCARD bool endpoints_connect_target(const struct endpoints *endpoints, const char *part,
                                            struct pgx_conn **ret_conn, struct tmv_error *err);
/* Tells the server what a session does from now on, as connecting did (application_name). Under its new name
 * a later engine finds and ends it just the same. One round trip. */
TMV_NODISCARD bool endpoints_rename(const struct endpoints *endpoints, struct pgx_conn *conn,
                                    const char *part, struct tmv_error *err);
/* Begins a transaction on the target in which this engine may write the tenant's events: sets the guard's
 * pass and locks the applied row, which must be ours and in `state`; FOR SHARE (`shared`, for copy workers)
 * or FOR UPDATE. OWNERSHIP when another engine or state has taken over; the transaction is rolled back then.
 */
TMV_NODISCARD bool endpoints_begin_target(const struct endpoints *endpoints, struct pgx_conn *conn,
                                          const char *state, bool shared, struct tmv_error *err);
/* The same, and starts `copy` (COPY … FROM STDIN) in the same round trip. */
TMV_NODISCARD bool endpoints_begin_copy_in(const struct endpoints *endpoints, struct pgx_conn *conn,
                                           const char *state, const char *copy, struct tmv_error *err);

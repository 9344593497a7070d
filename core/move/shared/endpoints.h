/* The two ends of a migration and the right to act for it: what every phase needs. */
#pragma once

#include "control/repositories.h"
#include "store/shape.h"

struct endpoints {
    struct owner owner;
    char tenant[TMV_UUID_TEXT];
    char migration[TMV_UUID_TEXT]; /* "" without a migration */
    struct tmv_store_info source_store, target_store;
    struct store_shape source, target;
    const struct stop *stop; /* raised when the engine stops: every wait ends */
};

/* Opens a connection to an end with the migration's name on it; `part` says what it is for ("copy", "tail").
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

/* What conn.c, query.c and copy.c share. Not for other folders. */
#pragma once

#include <libpq-fe.h>

#include "lib/err.h"
#include "pg/query.h"

struct pgx_conn {
    PGconn *pg;              /* owned */
    const struct stop *stop; /* borrowed, may be NULL */
    bool copying_out;        /* a COPY OUT has not been read to its end */
    bool reading_rows;       /* a statement of pgx_rows_start has not been read to its end */
    bool autocommit_only;    /* see pgx_options */
    bool broken;             /* a bounded wait ended early: the protocol state is unknown */
    char *copy_data;         /* last message of a COPY OUT, owned */
    unsigned kept;           /* bit n: the statement of slot n is prepared */
    char write_path[1024];   /* see pgx_write_path */
    char place[200];
};

/* Waits until the socket is readable (or writable), `deadline_us` (monotonic) passes, or stop is raised. The
 * one function in which the library waits for a server. Marks the connection broken on failure. */
TMV_NODISCARD bool pgx_wait(struct pgx_conn *conn, bool for_write, int64_t deadline_us,
                            struct tmv_error *err);
/* Sends everything that libpq has buffered. */
TMV_NODISCARD bool pgx_flush(struct pgx_conn *conn, int64_t deadline_us, struct tmv_error *err);
/* Prepares a kept statement where it is not yet, and sends it; `binary`: its rows come in binary. */
TMV_NODISCARD bool pgx_send_prepared(struct pgx_conn *conn, int64_t timeout_us, const struct pgx_kept *kept,
                                     struct pgx_args args, bool binary, struct tmv_error *err);
/* The next result of the running statement; *ret_result NULL at the end. */
TMV_NODISCARD bool pgx_next_result(struct pgx_conn *conn, int64_t deadline_us, PGresult **ret_result,
                                   struct tmv_error *err);
/* Error from a failed result, or from the connection when `result` is NULL. Always returns false. */
bool pgx_fail(struct pgx_conn *conn, const PGresult *result, struct tmv_error *err);
/* Ends a statement that failed half-way: reads results until the connection is idle. */
void pgx_drain(struct pgx_conn *conn, int64_t deadline_us);
int64_t pgx_deadline(int64_t timeout_us);
#define SQLSTATE_LENGTH 5
/* Adds to `text` what libpq says of a connection that could not be made, as an operator reads it: without
 * SQLSTATEs and places in the server's source. `sqlstate`, which begins as "", is the one that tells what to
 * do. */
void pgx_read_refusal(const char *why, struct buf *text, char sqlstate[SQLSTATE_LENGTH + 1]);
/* Error of a connection that could not be made, with its SQLSTATE where there is one, and what to do. Always
 * returns false. */
bool pgx_connect_failed(struct pgx_conn *conn, struct tmv_error *err);
#define pgx_fail(...) err_false(pgx_fail(__VA_ARGS__)) /* see lib/err.h */

/* COPY streams. Data passes through as the server sent it; nothing here looks inside a row. */
#pragma once

#include "lib/buf.h"
#include "pg/query.h"

/* Starts COPY … TO STDOUT. Then call pgx_copy_read until it gives length 0. */
TMV_NODISCARD bool pgx_copy_out(struct pgx_conn *conn, int64_t timeout_us, const char *sql,
                                struct tmv_error *err);
/* The next message of the stream: *ret_data is owned by the connection and valid until the next call;
 * *ret_len 0 is the end of a stream that the server finished without an error. */
TMV_NODISCARD bool pgx_copy_read(struct pgx_conn *conn, int64_t timeout_us, const char **ret_data,
                                 size_t *ret_len, struct tmv_error *err);
/* Whether a COPY OUT has been started and not read to its end. */
bool pgx_in_copy_out(const struct pgx_conn *conn);
/* Starts COPY … FROM STDIN. */
TMV_NODISCARD bool pgx_copy_in(struct pgx_conn *conn, int64_t timeout_us, const char *sql,
                               struct tmv_error *err);
/* The same with statements before the COPY, in one round trip; *ret_rows is how many rows the last of them
 * that returns rows gave. */
TMV_NODISCARD bool pgx_begin_copy_in(struct pgx_conn *conn, int64_t timeout_us, const char *sql,
                                     int *ret_rows, struct tmv_error *err);
/* Ends a COPY FROM STDIN without storing anything; its transaction has failed then. */
void pgx_copy_abandon(struct pgx_conn *conn, int64_t timeout_us);
/* Sends bytes; blocks (bounded) while the server does not take them. */
TMV_NODISCARD bool pgx_copy_write(struct pgx_conn *conn, int64_t timeout_us, const char *data, size_t len,
                                  struct tmv_error *err);
/* Ends the stream; *ret_rows is what the server stored (may be NULL). A server error surfaces here. */
TMV_NODISCARD bool pgx_copy_finish(struct pgx_conn *conn, int64_t timeout_us, int64_t *ret_rows,
                                   struct tmv_error *err);

/* What a pump moved. */
struct pgx_copy_stats {
    int64_t rows;
    int64_t bytes;
};
/* Streams a COPY OUT into a COPY IN until the end, in constant memory. `timeout_us` bounds the whole stream,
 * and then once more what `to` does at its end. Both connections are in their COPY state before. After an
 * error both are broken or in a failed transaction. */
TMV_NODISCARD bool pgx_copy_pump(struct pgx_conn *from, struct pgx_conn *to, int64_t timeout_us,
                                 struct pgx_copy_stats *ret_stats, struct tmv_error *err);

/* ---- rows of a kept statement as a COPY stream ----
 * COPY (SELECT …) is planned each time it is sent; a kept statement is not. For small, frequent ranges that
 * is most of the cost. The rows arrive in binary and one by one, so memory stays constant. */

/* Sends a kept statement that reads rows. Then call pgx_rows_read until it has ended. When it fails, the
 * statement did not run. */
TMV_NODISCARD bool pgx_rows_start(struct pgx_conn *conn, int64_t timeout_us, const struct pgx_kept *kept,
                                  struct pgx_args args, struct tmv_error *err);
/* Appends rows to `out`, each as the tuple of a binary COPY stream, until `out` holds `enough` bytes or the
 * statement has ended well (*ret_ended). */
TMV_NODISCARD bool pgx_rows_read(struct pgx_conn *conn, int64_t timeout_us, size_t enough, struct buf *out,
                                 bool *ret_ended, struct tmv_error *err);
/* Whether a statement of pgx_rows_start has not been read to its end. */
bool pgx_in_rows(const struct pgx_conn *conn);
/* What stands before the first and after the last tuple of a binary COPY stream. */
void pgx_copy_header(struct buf *out);
void pgx_copy_trailer(struct buf *out);

/* COPY streams. Data passes through as the server sent it; nothing here looks inside a row. */
#pragma once

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
/* Streams a COPY OUT into a COPY IN until the end, in constant memory. `idle_timeout_us` bounds each wait
 * without progress, not the whole. Both connections are in their COPY state before. After an error both are
 * broken or in a failed transaction. */
TMV_NODISCARD bool pgx_copy_pump(struct pgx_conn *from, struct pgx_conn *to, int64_t idle_timeout_us,
                                 struct pgx_copy_stats *ret_stats, struct tmv_error *err);

/* Reads a COPY … TO STDOUT in text form row by row: what the verifier merges from two servers. Constant
 * memory. */
#pragma once

#include "pg/copy.h"

#define ROW_STREAM_FIELDS 5
#define ROW_STREAM_FIELD_MAX 700

struct row_stream {
    struct pgx_conn *conn;                                /* borrowed; in a COPY until `ended` */
    bool ended;                                           /* there is no current row */
    char fields[ROW_STREAM_FIELDS][ROW_STREAM_FIELD_MAX]; /* of the current row, escaped as COPY does */
};

/* Sends the statement; the first row is there after a row_stream_next. */
TMV_NODISCARD bool row_stream_start(struct row_stream *s, struct pgx_conn *conn, const char *sql,
                                    struct tmv_error *err);
/* Goes to the next row, or to the end. */
TMV_NODISCARD bool row_stream_next(struct row_stream *s, struct tmv_error *err);

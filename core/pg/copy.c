#include "pg/copy.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/text.h"
#include "pg/internal.h"

/* Rows are gathered to blocks of about this size before they are sent on: one system call for many rows. */
#define BLOCK_BYTES (64 * 1024)

/* `ret_rows`: of the last statement before the COPY that returned rows; how many. May be NULL. */
static bool start_copy(struct pgx_conn *conn, int64_t timeout_us, const char *sql, ExecStatusType wanted,
                       int *ret_rows, struct tmv_error *err)
{
    int64_t deadline = pgx_deadline(timeout_us);
    ExecStatusType status;
    PGresult *result = NULL;

    if (!pgx_is_usable(conn))
        return err_set(err, TMV_ERR_UNREACHABLE, "the connection is closed");
    if (!PQsendQuery(conn->pg, sql))
        return pgx_fail(conn, NULL, err);
    do {
        PQclear(result);
        if (!pgx_next_result(conn, deadline, &result, err))
            return false;
        status = result ? PQresultStatus(result) : PGRES_EMPTY_QUERY;
        if (status == PGRES_TUPLES_OK && ret_rows)
            *ret_rows = PQntuples(result);
    } while (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK);
    bool ok = status == wanted;
    if (status == PGRES_FATAL_ERROR)
        pgx_fail(conn, result, err);
    else if (!ok)
        err_set(err, TMV_ERR_INTERNAL, "a COPY did not start");
    PQclear(result);
    if (!ok)
        pgx_drain(conn, deadline);
    return ok;
}

bool pgx_copy_out(struct pgx_conn *conn, int64_t timeout_us, const char *sql, struct tmv_error *err)
{
    conn->copying_out = start_copy(conn, timeout_us, sql, PGRES_COPY_OUT, NULL, err);
    return conn->copying_out;
}

bool pgx_in_copy_out(const struct pgx_conn *conn)
{
    return pgx_is_usable(conn) && conn->copying_out;
}

bool pgx_copy_in(struct pgx_conn *conn, int64_t timeout_us, const char *sql, struct tmv_error *err)
{
    return start_copy(conn, timeout_us, sql, PGRES_COPY_IN, NULL, err);
}

bool pgx_begin_copy_in(struct pgx_conn *conn, int64_t timeout_us, const char *sql, int *ret_rows,
                       struct tmv_error *err)
{
    *ret_rows = 0;
    return start_copy(conn, timeout_us, sql, PGRES_COPY_IN, ret_rows, err);
}

void pgx_copy_abandon(struct pgx_conn *conn, int64_t timeout_us)
{
    if (!pgx_is_usable(conn))
        return;
    if (PQputCopyEnd(conn->pg, "abandoned") > 0)
        pgx_drain(conn, pgx_deadline(timeout_us));
    else
        conn->broken = true;
}

/* After the last row: the command's own result says whether the stream was whole. */
static bool finish(struct pgx_conn *conn, int64_t deadline, int64_t *ret_rows, struct tmv_error *err)
{
    PGresult *result = NULL;
    bool ok;

    if (!pgx_next_result(conn, deadline, &result, err))
        return false;
    ok = result && PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!ok)
        pgx_fail(conn, result, err);
    else if (ret_rows)
        text_to_int64(PQcmdTuples(result), 0, INT64_MAX, ret_rows);
    PQclear(result);
    pgx_drain(conn, deadline);
    return ok;
}

bool pgx_copy_read(struct pgx_conn *conn, int64_t timeout_us, const char **ret_data, size_t *ret_len,
                   struct tmv_error *err)
{
    int64_t deadline = pgx_deadline(timeout_us);

    PQfreemem(conn->copy_data);
    conn->copy_data = NULL;
    for (;;) {
        int n = PQgetCopyData(conn->pg, &conn->copy_data, 1);

        if (n > 0) {
            *ret_data = conn->copy_data;
            *ret_len = (size_t)n;
            return true;
        }
        if (n < 0)
            conn->copying_out = false;
        if (n == -1) {
            *ret_data = "";
            *ret_len = 0;
            return finish(conn, deadline, NULL, err);
        }
        if (n < -1)
            return pgx_fail(conn, NULL, err);
        if (!pgx_wait(conn, false, deadline, err))
            return false;
        if (!PQconsumeInput(conn->pg))
            return pgx_fail(conn, NULL, err);
    }
}

bool pgx_copy_write(struct pgx_conn *conn, int64_t timeout_us, const char *data, size_t len,
                    struct tmv_error *err)
{
    int64_t deadline = pgx_deadline(timeout_us);

    for (;;) {
        int n = PQputCopyData(conn->pg, data, (int)len);

        if (n < 0)
            return pgx_fail(conn, NULL, err);
        if (n > 0)
            return pgx_flush(conn, deadline, err);
        if (!pgx_wait(conn, true, deadline, err))
            return false;
    }
}

bool pgx_copy_finish(struct pgx_conn *conn, int64_t timeout_us, int64_t *ret_rows, struct tmv_error *err)
{
    int64_t deadline = pgx_deadline(timeout_us);

    for (;;) {
        int n = PQputCopyEnd(conn->pg, NULL);

        if (n < 0)
            return pgx_fail(conn, NULL, err);
        if (n > 0)
            break;
        if (!pgx_wait(conn, true, deadline, err))
            return false;
    }
    return finish(conn, deadline, ret_rows, err);
}

static int64_t left_us(int64_t deadline_us)
{
    int64_t left = deadline_us - clock_now_us();

    return left > 0 ? left : 0;
}

bool pgx_copy_pump(struct pgx_conn *from, struct pgx_conn *to, int64_t timeout_us,
                   struct pgx_copy_stats *ret_stats, struct tmv_error *err)
{
    static const size_t block = BLOCK_BYTES;
    char gathered[BLOCK_BYTES];
    size_t have = 0;
    const char *data;
    size_t len;
    int64_t deadline_us = clock_now_us() + timeout_us;

    *ret_stats = (struct pgx_copy_stats){0};
    for (;;) {
        if (!pgx_copy_read(from, left_us(deadline_us), &data, &len, err))
            return err_wrap(err, "reading from %s", pgx_place(from));
        bool send = len == 0 || have + len > block;
        if (send && have && !pgx_copy_write(to, left_us(deadline_us), gathered, have, err))
            return err_wrap(err, "writing to %s", pgx_place(to));
        if (send)
            have = 0;
        if (len == 0)
            break;
        ret_stats->bytes += (int64_t)len;
        if (len > block) {
            if (!pgx_copy_write(to, left_us(deadline_us), data, len, err))
                return err_wrap(err, "writing to %s", pgx_place(to));
            continue;
        }
        memcpy(gathered + have, data, len);
        have += len;
    }
    if (!pgx_copy_finish(to, timeout_us, &ret_stats->rows, err))
        return err_wrap(err, "writing to %s", pgx_place(to));
    return true;
}

/* ---- rows of a kept statement ---- */

bool pgx_rows_start(struct pgx_conn *conn, int64_t timeout_us, const struct pgx_kept *kept,
                    struct pgx_args args, struct tmv_error *err)
{
    if (!pgx_send_prepared(conn, timeout_us, kept, args, true, err))
        return false;
    PQsetSingleRowMode(conn->pg);
    conn->reading_rows = true;
    return true;
}

bool pgx_in_rows(const struct pgx_conn *conn)
{
    return pgx_is_usable(conn) && conn->reading_rows;
}

static void add_number(struct buf *out, uint32_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_char(out, (char)(value >> 8 * i));
}

/* A tuple of a binary COPY stream: the number of fields, each with its length (PostgreSQL manual, COPY). */
static void add_tuple(struct buf *out, const PGresult *row)
{
    int fields = PQnfields(row);

    add_number(out, (uint32_t)fields, 2);
    for (int i = 0; i < fields; i++) {
        if (PQgetisnull(row, 0, i)) {
            add_number(out, UINT32_MAX, 4);
            continue;
        }
        int len = PQgetlength(row, 0, i);
        add_number(out, (uint32_t)len, 4);
        buf_add(out, PQgetvalue(row, 0, i), (size_t)len);
    }
}

bool pgx_rows_read(struct pgx_conn *conn, int64_t timeout_us, size_t enough, struct buf *out, bool *ret_ended,
                   struct tmv_error *err)
{
    int64_t deadline = pgx_deadline(timeout_us);

    *ret_ended = false;
    while (out->len < enough) {
        PGresult *result = NULL;

        if (!pgx_next_result(conn, deadline, &result, err))
            return false;
        *ret_ended = !result;
        if (!result) {
            conn->reading_rows = false;
            return true;
        }
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_SINGLE_TUPLE)
            add_tuple(out, result);
        bool ok = status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK;
        if (!ok)
            pgx_fail(conn, result, err);
        PQclear(result);
        if (!ok || !buf_ok(out, err)) {
            pgx_drain(conn, deadline);
            conn->reading_rows = false;
            return false;
        }
    }
    return true;
}

void pgx_copy_header(struct buf *out)
{
    static const char signature[] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', '\377', '\r', '\n', '\0'};

    buf_add(out, signature, sizeof signature);
    add_number(out, 0, 4); /* flags */
    add_number(out, 0, 4); /* extension */
}

void pgx_copy_trailer(struct buf *out)
{
    add_number(out, UINT16_MAX, 2);
}

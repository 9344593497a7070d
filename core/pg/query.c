#include "pg/query.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/text.h"
#include "pg/internal.h"

/* A pgx_result is a PGresult under another name; the cast stays in this file. */
static PGresult *as_pg(const struct pgx_result *result)
{
    return (PGresult *)(uintptr_t)result;
}

static struct pgx_result *as_result(PGresult *pg)
{
    return (struct pgx_result *)pg;
}

void pgx_result_free(struct pgx_result *result)
{
    PQclear(as_pg(result));
}

int pgx_rows(const struct pgx_result *result)
{
    return PQntuples(as_pg(result));
}

int pgx_columns(const struct pgx_result *result)
{
    return PQnfields(as_pg(result));
}

int64_t pgx_affected(const struct pgx_result *result)
{
    int64_t n = 0;

    text_to_int64(PQcmdTuples(as_pg(result)), 0, INT64_MAX, &n);
    return n;
}

bool pgx_is_null(const struct pgx_result *result, int row, int column)
{
    return PQgetisnull(as_pg(result), row, column);
}

const char *pgx_text(const struct pgx_result *result, int row, int column)
{
    return PQgetvalue(as_pg(result), row, column);
}

static size_t folded_length(const struct pgx_result *result, int column, const char *between)
{
    size_t length = 0;

    for (int row = 0; row < pgx_rows(result); row++)
        length += strlen(pgx_text(result, row, column)) + (row ? strlen(between) : 0);
    return length;
}

void pgx_fold(const struct pgx_result *result, int column, const char *between, const char *tail, char *ret,
              size_t size)
{
    size_t reserved = strlen(between) + strlen("and 2147483647 more") + strlen(tail);
    bool all = folded_length(result, column, between) < size;
    size_t used = 0;
    int row = 0;

    for (ret[0] = '\0'; row < pgx_rows(result); row++) {
        const char *text = pgx_text(result, row, column);
        size_t needed = strlen(text) + (row ? strlen(between) : 0);

        if (!all && used + needed + reserved >= size)
            break;
        used += (size_t)snprintf(ret + used, size - used, "%s%s", row ? between : "", text);
    }
    if (row < pgx_rows(result))
        snprintf(ret + used, size - used, "%sand %d more%s", row ? between : "", pgx_rows(result) - row,
                 tail);
}

int64_t pgx_int(const struct pgx_result *result, int row, int column)
{
    int64_t value = 0;

    text_to_int64(pgx_text(result, row, column), INT64_MIN, INT64_MAX, &value);
    return value;
}

bool pgx_bool(const struct pgx_result *result, int row, int column)
{
    return pgx_text(result, row, column)[0] == 't';
}

struct tmv_uuid pgx_uuid(const struct pgx_result *result, int row, int column)
{
    struct tmv_uuid id = {0};

    tmv_uuid_parse(pgx_text(result, row, column), &id);
    return id;
}

static enum tmv_code code_for_sqlstate(const char *sqlstate)
{
    if (strcmp(sqlstate, "TM001") == 0)
        return TMV_ERR_MOVED;
    if (strcmp(sqlstate, "TM002") == 0)
        return TMV_ERR_CLOSED;
    if (strncmp(sqlstate, "57P0", 4) == 0 || strcmp(sqlstate, "25P03") == 0 ||
        strncmp(sqlstate, "08", 2) == 0)
        return TMV_ERR_UNREACHABLE; /* shut down, terminated, idle timeout: the session is gone */
    return TMV_ERR_SQL;
}

bool(pgx_fail)(struct pgx_conn *conn, const PGresult *result, struct tmv_error *err)
{
    const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

    if (!sqlstate) {
        conn->broken = true;
        return err_set(err, TMV_ERR_UNREACHABLE, "lost the connection to %s: %s", conn->place,
                       result ? PQresultErrorMessage(result) : PQerrorMessage(conn->pg));
    }
    err_set(err, code_for_sqlstate(sqlstate), "%s", primary ? primary : "error without a text");
    text_copy(err->sqlstate, sizeof err->sqlstate, sqlstate);
    text_copy(err->constraint, sizeof err->constraint, PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME));
    text_copy(err->detail, sizeof err->detail, PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
    text_copy(err->hint, sizeof err->hint, PQresultErrorField(result, PG_DIAG_MESSAGE_HINT));
    text_sanitize(err->detail);
    text_sanitize(err->hint);
    if (err->code == TMV_ERR_UNREACHABLE)
        conn->broken = true;
    return false;
}

bool pgx_flush(struct pgx_conn *conn, int64_t deadline_us, struct tmv_error *err)
{
    for (;;) {
        int left = PQflush(conn->pg);

        if (left == 0)
            return true;
        if (left < 0)
            return pgx_fail(conn, NULL, err);
        if (!pgx_wait(conn, true, deadline_us, err))
            return false;
        /* The server may be blocked on sending to us; take what it has. */
        if (!PQconsumeInput(conn->pg))
            return pgx_fail(conn, NULL, err);
    }
}

bool pgx_next_result(struct pgx_conn *conn, int64_t deadline_us, PGresult **ret_result, struct tmv_error *err)
{
    if (!pgx_flush(conn, deadline_us, err))
        return false;
    fault_statement_sent(PQsocket(conn->pg));
    while (PQisBusy(conn->pg)) {
        if (!pgx_wait(conn, false, deadline_us, err))
            return false;
        if (!PQconsumeInput(conn->pg))
            return pgx_fail(conn, NULL, err);
    }
    *ret_result = PQgetResult(conn->pg);
    return true;
}

void pgx_drain(struct pgx_conn *conn, int64_t deadline_us)
{
    struct tmv_error ignored;
    PGresult *result = NULL;

    while (pgx_is_usable(conn) && pgx_next_result(conn, deadline_us, &result, &ignored) && result) {
        ExecStatusType status = PQresultStatus(result);
        PQclear(result);
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
            conn->broken = true; /* a COPY that nobody will finish */
    }
}

static bool check_open(const struct pgx_conn *conn, struct tmv_error *err)
{
    return pgx_is_usable(conn) || err_set(err, TMV_ERR_UNREACHABLE, "the connection to %s is closed",
                                          conn ? conn->place : "a server");
}

static bool check_usable(struct pgx_conn *conn, struct tmv_error *err)
{
    if (!check_open(conn, err))
        return false;
    if (conn->autocommit_only && pgx_in_transaction(conn))
        return err_set(err, TMV_ERR_INTERNAL, "a transaction was left open in a session of %s", conn->place);
    return true;
}

/* Parameters as libpq wants them: pointers to text, numbers and ids written into `scratch`. */
struct bound {
    const char *values[PGX_ARGS_MAX];
    char scratch[PGX_ARGS_MAX][TMV_UUID_TEXT];
};

static bool bind_values(struct pgx_args args, struct bound *ret_bound, struct tmv_error *err)
{
    if (args.count > PGX_ARGS_MAX)
        return err_set(err, TMV_ERR_INTERNAL, "too many parameters");
    for (size_t i = 0; i < args.count; i++) {
        const struct pgx_value *v = &args.values[i];
        char *scratch = ret_bound->scratch[i];

        ret_bound->values[i] = scratch;
        switch (v->kind) {
        case PGX_KIND_NULL:
            ret_bound->values[i] = NULL;
            break;
        case PGX_KIND_TEXT:
            ret_bound->values[i] = v->text;
            break;
        case PGX_KIND_INT:
            snprintf(scratch, TMV_UUID_TEXT, "%" PRId64, v->number);
            break;
        case PGX_KIND_UUID:
            tmv_uuid_format(v->uuid, scratch);
            break;
        case PGX_KIND_BOOL:
            text_copy(scratch, TMV_UUID_TEXT, v->number ? "t" : "f");
            break;
        }
    }
    return true;
}

bool pgx_send(struct pgx_conn *conn, const char *sql, struct pgx_args args, struct tmv_error *err)
{
    struct bound bound;

    if (!check_usable(conn, err) || !bind_values(args, &bound, err))
        return false;
    if (!PQsendQueryParams(conn->pg, sql, (int)args.count, NULL, bound.values, NULL, NULL, 0))
        return pgx_fail(conn, NULL, err);
    return true;
}

bool pgx_is_kept(const struct pgx_conn *conn, unsigned slot)
{
    return slot < PGX_KEPT_MAX && (conn->kept & 1u << slot);
}

bool pgx_send_prepared(struct pgx_conn *conn, int64_t timeout_us, const struct pgx_kept *kept,
                       struct pgx_args args, bool binary, struct tmv_error *err)
{
    struct bound bound;
    char name[16];

    if (!check_usable(conn, err) || !bind_values(args, &bound, err))
        return false;
    if (kept->slot >= PGX_KEPT_MAX)
        return err_set(err, TMV_ERR_INTERNAL, "no such slot for a statement: %u", kept->slot);
    snprintf(name, sizeof name, "tmv_%u", kept->slot);
    if (!pgx_is_kept(conn, kept->slot)) {
        if (!PQsendPrepare(conn->pg, name, kept->sql, 0, NULL))
            return pgx_fail(conn, NULL, err);
        if (!pgx_receive(conn, timeout_us, NULL, err))
            return false;
        conn->kept |= 1u << kept->slot;
    }
    if (!PQsendQueryPrepared(conn->pg, name, (int)args.count, bound.values, NULL, NULL, binary))
        return pgx_fail(conn, NULL, err);
    return true;
}

bool pgx_send_kept(struct pgx_conn *conn, int64_t timeout_us, const struct pgx_kept *kept,
                   struct pgx_args args, struct tmv_error *err)
{
    return pgx_send_prepared(conn, timeout_us, kept, args, false, err);
}

/* Takes what follows the first result of a statement. In the extended protocol the command's result comes
 * before its transaction commits; only the end of the stream says that it did. *ret_ok false: the commit was
 * refused. */
static bool receive_rest(struct pgx_conn *conn, int64_t deadline, bool *ret_ok, struct tmv_error *err)
{
    PGresult *result = NULL;

    for (;;) {
        if (!pgx_next_result(conn, deadline, &result, err))
            return false;
        if (!result)
            return true;
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
            conn->broken = true; /* a COPY that nobody will finish */
            PQclear(result);
            *ret_ok = *ret_ok && err_set(err, TMV_ERR_INTERNAL, "a statement began a COPY");
            return true;
        }
        if (*ret_ok && status == PGRES_FATAL_ERROR)
            *ret_ok = pgx_fail(conn, result, err);
        PQclear(result);
    }
}

bool pgx_receive(struct pgx_conn *conn, int64_t timeout_us, struct pgx_result **ret_result,
                 struct tmv_error *err)
{
    int64_t deadline = pgx_deadline(timeout_us);
    PGresult *first = NULL;
    struct tmv_error lost;
    bool ok;

    if (!pgx_next_result(conn, deadline, &first, err))
        return false;
    if (!first)
        return err_set(err, TMV_ERR_INTERNAL, "a statement gave no result");
    ExecStatusType status = PQresultStatus(first);
    ok = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
    if (!ok)
        pgx_fail(conn, first, err);
    bool refused = !ok;
    if (!receive_rest(conn, deadline, &ok, refused ? &lost : err))
        ok = false; /* after a refusal the first error is the one that counts */
    if (ok && ret_result)
        *ret_result = as_result(first);
    else
        PQclear(first);
    return ok;
}

bool pgx_query(struct pgx_conn *conn, int64_t timeout_us, const char *sql, struct pgx_args args,
               struct pgx_result **ret_result, struct tmv_error *err)
{
    return pgx_send(conn, sql, args, err) && pgx_receive(conn, timeout_us, ret_result, err);
}

bool pgx_query_kept(struct pgx_conn *conn, int64_t timeout_us, const struct pgx_kept *kept,
                    struct pgx_args args, struct pgx_result **ret_result, struct tmv_error *err)
{
    return pgx_send_kept(conn, timeout_us, kept, args, err) && pgx_receive(conn, timeout_us, ret_result, err);
}

/* Keeps the last `count` results: shifts the window by one. */
static void keep_last(struct pgx_result **results, size_t count, PGresult *newest)
{
    if (count == 0) {
        PQclear(newest);
        return;
    }
    pgx_result_free(results[0]);
    memmove(results, results + 1, (count - 1) * sizeof *results);
    results[count - 1] = as_result(newest);
}

/* Takes one result of a script over. False when it is an error; `err` NULL: an earlier one is kept. */
static bool keep_result(struct pgx_conn *conn, PGresult *result, size_t count, struct pgx_result **results,
                        struct tmv_error *err)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK) {
        keep_last(results, count, result);
        return true;
    }
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
    if (!ok && err)
        pgx_fail(conn, result, err);
    PQclear(result);
    return ok;
}

bool pgx_await(struct pgx_conn *conn, int64_t timeout_us, bool *ret_answered, struct tmv_error *err)
{
    int64_t deadline = pgx_deadline(timeout_us);

    *ret_answered = false;
    if (!check_usable(conn, err) || !pgx_flush(conn, deadline, err))
        return false;
    while (PQisBusy(conn->pg)) {
        if (!pgx_wait(conn, false, deadline, err)) {
            bool late = err->code == TMV_ERR_TIMEOUT;

            conn->broken = !late; /* the statement runs on, and its answer may still be taken */
            return late;
        }
        if (!PQconsumeInput(conn->pg))
            return pgx_fail(conn, NULL, err);
    }
    *ret_answered = true;
    return true;
}

bool pgx_script_send(struct pgx_conn *conn, const char *sql, struct tmv_error *err)
{
    if (!check_usable(conn, err))
        return false;
    return PQsendQuery(conn->pg, sql) ? true : pgx_fail(conn, NULL, err);
}

bool pgx_script(struct pgx_conn *conn, int64_t timeout_us, const char *sql, size_t count,
                struct pgx_result **ret_results, struct tmv_error *err)
{
    for (size_t i = 0; i < count; i++)
        ret_results[i] = NULL;
    return pgx_script_send(conn, sql, err) && pgx_script_receive(conn, timeout_us, count, ret_results, err);
}

bool pgx_script_receive(struct pgx_conn *conn, int64_t timeout_us, size_t count,
                        struct pgx_result **ret_results, struct tmv_error *err)
{
    int64_t deadline = pgx_deadline(timeout_us);
    bool ok = true;
    PGresult *result = NULL;

    for (size_t i = 0; i < count; i++)
        ret_results[i] = NULL;
    for (;;) { /* to the end, also after an error: the connection is free then */
        if (!pgx_is_usable(conn)) {
            ok = ok && check_open(conn, err);
            break;
        }
        if (!pgx_next_result(conn, deadline, &result, err)) {
            ok = false;
            break;
        }
        if (!result)
            break;
        if (!keep_result(conn, result, count, ret_results, ok ? err : NULL))
            ok = false;
    }
    if (ok && count && !ret_results[0])
        ok = err_set(err, TMV_ERR_INTERNAL, "a script gave fewer results than expected");
    for (size_t i = 0; !ok && i < count; i++) {
        pgx_result_free(ret_results[i]);
        ret_results[i] = NULL;
    }
    return ok;
}

bool pgx_begin(struct pgx_conn *conn, int64_t timeout_us, struct tmv_error *err)
{
    return pgx_script(conn, timeout_us, "BEGIN", 0, NULL, err);
}

/* `sql` ends in COMMIT. */
static bool commit_script(struct pgx_conn *conn, int64_t timeout_us, const char *sql, struct tmv_error *err)
{
    if (PQtransactionStatus(conn->pg) == PQTRANS_INERROR) {
        pgx_rollback(conn, timeout_us);
        return err_set(err, TMV_ERR_INTERNAL, "commit of a failed transaction");
    }
    if (pgx_script(conn, timeout_us, sql, 0, NULL, err))
        return true;
    if (err->code == TMV_ERR_UNREACHABLE || err->code == TMV_ERR_TIMEOUT || err->code == TMV_ERR_CANCELLED) {
        err_wrap(err, "the answer to a commit was lost");
        err->code = TMV_ERR_UNKNOWN;
    }
    return false;
}

bool pgx_commit(struct pgx_conn *conn, int64_t timeout_us, struct tmv_error *err)
{
    return commit_script(conn, timeout_us, "COMMIT", err);
}

bool pgx_commit_with(struct pgx_conn *conn, int64_t timeout_us, const char *sql, struct tmv_error *err)
{
    AUTO(buf) struct buf script = BUF_INIT(64 * 1024);

    buf_printf(&script, "%s; COMMIT", sql);
    return buf_ok(&script, err) && commit_script(conn, timeout_us, buf_text(&script), err);
}

void pgx_rollback(struct pgx_conn *conn, int64_t timeout_us)
{
    struct tmv_error ignored;

    if (!pgx_is_usable(conn))
        return;
    if (PQtransactionStatus(conn->pg) == PQTRANS_ACTIVE)
        pgx_drain(conn, pgx_deadline(timeout_us));
    if (pgx_is_usable(conn) && pgx_in_transaction(conn) &&
        !pgx_script(conn, timeout_us, "ROLLBACK", 0, NULL, &ignored))
        conn->broken = true;
}

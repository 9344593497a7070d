/* Statements and their results, in text format, with typed access. */
#pragma once

#include "pg/conn.h"

/* One parameter. Everything travels as text, so the server's type wins; cast in the statement ($1::uuid). */
struct pgx_value {
    enum { PGX_KIND_NULL, PGX_KIND_TEXT, PGX_KIND_INT, PGX_KIND_UUID, PGX_KIND_BOOL } kind;
    const char *text;
    int64_t number;
    const struct tmv_uuid *uuid;
};
/* NULL text is SQL NULL. */
static inline struct pgx_value pgx_value_text(const char *text)
{
    return (struct pgx_value){.kind = text ? PGX_KIND_TEXT : PGX_KIND_NULL, .text = text};
}
struct pgx_args {
    const struct pgx_value *values;
    size_t count; /* at most PGX_ARGS_MAX */
};
#define PGX_ARGS_MAX 32
#define PGX_TEXT(v) pgx_value_text(v)
#define PGX_INT(v) ((struct pgx_value){.kind = PGX_KIND_INT, .number = (v)})
#define PGX_UUID(v) ((struct pgx_value){.kind = PGX_KIND_UUID, .uuid = (v)})
#define PGX_BOOL(v) ((struct pgx_value){.kind = PGX_KIND_BOOL, .number = (v)})
#define PGX_NULL ((struct pgx_value){.kind = PGX_KIND_NULL})
#define PGX_ARGS(...)                                                                                        \
    ((struct pgx_args){((const struct pgx_value[]){__VA_ARGS__}),                                            \
                       sizeof((const struct pgx_value[]){__VA_ARGS__}) / sizeof(struct pgx_value)})
#define PGX_NONE ((struct pgx_args){NULL, 0})

struct pgx_result; /* owned by whoever received it */
void pgx_result_free(struct pgx_result *result);
int pgx_rows(const struct pgx_result *result);
int pgx_columns(const struct pgx_result *result);
int64_t pgx_affected(const struct pgx_result *result); /* rows a command touched */
bool pgx_is_null(const struct pgx_result *result, int row, int column);
/* Text of a field, "" for NULL. Borrowed from the result. */
const char *pgx_text(const struct pgx_result *result, int row, int column);
/* Writes the texts of a column into `ret`, with `between` between them: as many as fit whole, and then "and 3
 * more" with `tail` after it. No text is cut: a part of a statement would be run as another one. */
void pgx_fold(const struct pgx_result *result, int column, const char *between, const char *tail, char *ret,
              size_t size);
int64_t pgx_int(const struct pgx_result *result, int row, int column);          /* 0 for NULL */
bool pgx_bool(const struct pgx_result *result, int row, int column);            /* false for NULL */
struct tmv_uuid pgx_uuid(const struct pgx_result *result, int row, int column); /* nil for NULL */

/* Runs one statement and waits for it. `ret_result` may be NULL. Server errors: code SQL (or MOVED for TM001,
 * CLOSED for TM002) with SQLSTATE, constraint, detail; the connection stays usable then. `timeout_us` bounds
 * the wait; when it passes, the connection is broken (the statement may still run on the server until it
 * notices). */
TMV_NODISCARD bool pgx_query(struct pgx_conn *conn, int64_t timeout_us, const char *sql, struct pgx_args args,
                             struct pgx_result **ret_result, struct tmv_error *err);
/* The two halves of pgx_query, to run statements on several connections at once. */
TMV_NODISCARD bool pgx_send(struct pgx_conn *conn, const char *sql, struct pgx_args args,
                            struct tmv_error *err);
/* A statement that a connection keeps: parsed when it is first sent there, and planned a few times at most. A
 * slot means one statement for the life of a connection. */
#define PGX_KEPT_MAX 16
struct pgx_kept {
    unsigned slot;   /* 0 … PGX_KEPT_MAX - 1 */
    const char *sql; /* borrowed for the call; not looked at once the connection keeps the statement */
};
/* Whether a connection keeps a slot's statement already: then its text need not be built. */
bool pgx_is_kept(const struct pgx_conn *conn, unsigned slot);
/* As pgx_send. When it fails, the statement did not run. `timeout_us` bounds the preparation. */
TMV_NODISCARD bool pgx_send_kept(struct pgx_conn *conn, int64_t timeout_us, const struct pgx_kept *kept,
                                 struct pgx_args args, struct tmv_error *err);
/* pgx_send_kept and pgx_receive in one. */
TMV_NODISCARD bool pgx_query_kept(struct pgx_conn *conn, int64_t timeout_us, const struct pgx_kept *kept,
                                  struct pgx_args args, struct pgx_result **ret_result,
                                  struct tmv_error *err);
TMV_NODISCARD bool pgx_receive(struct pgx_conn *conn, int64_t timeout_us, struct pgx_result **ret_result,
                               struct tmv_error *err);
/* Several statements in one round trip (simple protocol; no parameters). If one fails, the rest do not run.
 * The results of the last `count` statements that return rows are handed out in order; fewer is an INTERNAL
 * error. */
TMV_NODISCARD bool pgx_script(struct pgx_conn *conn, int64_t timeout_us, const char *sql, size_t count,
                              struct pgx_result **ret_results, struct tmv_error *err);

/* The two halves of pgx_script. */
TMV_NODISCARD bool pgx_script_send(struct pgx_conn *conn, const char *sql, struct tmv_error *err);
TMV_NODISCARD bool pgx_script_receive(struct pgx_conn *conn, int64_t timeout_us, size_t count,
                                      struct pgx_result **ret_results, struct tmv_error *err);
/* Waits until something that was sent is answered, or `timeout_us` passed: *ret_answered. Unlike the others
 * it leaves the connection usable when there was no answer: wait on, or take it. */
TMV_NODISCARD bool pgx_await(struct pgx_conn *conn, int64_t timeout_us, bool *ret_answered,
                             struct tmv_error *err);

TMV_NODISCARD bool pgx_begin(struct pgx_conn *conn, int64_t timeout_us, struct tmv_error *err);
/* Commits. A lost connection gives TMV_ERR_UNKNOWN: the commit may have happened. */
TMV_NODISCARD bool pgx_commit(struct pgx_conn *conn, int64_t timeout_us, struct tmv_error *err);
/* The same with statements before it, in one round trip. If one of them fails, nothing is committed. */
TMV_NODISCARD bool pgx_commit_with(struct pgx_conn *conn, int64_t timeout_us, const char *sql,
                                   struct tmv_error *err);
/* Rolls back if a transaction is open; a failure only means that the connection is gone, and the server rolls
 * back. */
void pgx_rollback(struct pgx_conn *conn, int64_t timeout_us);

static inline void pgx_result_auto(struct pgx_result **result)
{
    pgx_result_free(*result);
}
#define AUTO_RESULT __attribute__((cleanup(pgx_result_auto)))

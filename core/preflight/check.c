#include "preflight/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "sql_embedded.h"

void check_seen(struct tmv_check *check, enum tmv_verdict verdict, const char *fmt, ...)
{
    va_list args;

    check->verdict = verdict;
    va_start(args, fmt);
    vsnprintf(check->seen, sizeof check->seen, fmt, args);
    va_end(args);
    text_sanitize(check->seen);
}

void check_todo(struct tmv_check *check, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(check->todo, sizeof check->todo, fmt, args);
    va_end(args);
    text_sanitize(check->todo);
}

bool check_query(struct preflight_end *end, const char *sql, struct pgx_args args,
                 struct pgx_result **ret_result, struct tmv_error *err)
{
    AUTO(buf) struct buf text = BUF_INIT(32 * 1024);

    if (!end->has_shape)
        return pgx_query(end->conn, PREFLIGHT_WAIT_US, sql, args, ret_result, err);
    return store_sql(&text, sql, &end->shape, NULL, 0, err) &&
           pgx_query(end->conn, PREFLIGHT_WAIT_US, buf_text(&text), args, ret_result, err);
}

bool check_finding(struct preflight_end *end, const struct finding *finding, struct tmv_check *ret_check,
                   struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    enum tmv_verdict verdict = finding->verdict;

    if (!check_query(end, finding->sql, finding->args, &result, err))
        return false;
    if (pgx_rows(result) == 0 || pgx_is_null(result, 0, 0)) {
        check_seen(ret_check, TMV_VERDICT_OK, "%s", finding->fine);
        return true;
    }
    if (pgx_columns(result) > 2)
        verdict = strcmp(pgx_text(result, 0, 2), "warn") == 0 ? TMV_VERDICT_WARN : TMV_VERDICT_REFUSE;
    check_seen(ret_check, verdict, "%s", pgx_text(result, 0, 0));
    check_todo(ret_check, "%s", pgx_text(result, 0, 1));
    return true;
}

bool check_fence(const struct preflight_view *view, struct preflight_end *end,
                 struct preflight_fence *ret_fence, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *known = NULL;
    AUTO_RESULT struct pgx_result *row = NULL;

    *ret_fence = (struct preflight_fence){0};
    if (!check_query(end, sql_preflight_schema_version, PGX_NONE, &known, err))
        return false;
    if (!pgx_bool(known, 0, 1))
        return true;
    if (!check_query(end, sql_preflight_fence,
                     PGX_ARGS(PGX_TEXT(view->tenant), PGX_INT(end->shape.relation_oid)), &row, err))
        return false;
    if (pgx_rows(row) == 0)
        return true;
    text_copy(ret_fence->state, sizeof ret_fence->state, pgx_text(row, 0, 0));
    text_copy(ret_fence->store, sizeof ret_fence->store, pgx_text(row, 0, 1));
    ret_fence->guarded = pgx_bool(row, 0, 3);
    return true;
}

/* A wrong password or a database that is not there does not end by itself. */
bool check_is_passing(const struct tmv_error *err)
{
    enum tmv_error_class class = tmv_error_classify(err);

    return (err->code == TMV_ERR_UNREACHABLE && !err->sqlstate[0]) || class == TMV_CLASS_RECONNECT ||
           (err->code == TMV_ERR_SQL && class == TMV_CLASS_RETRY) || err_is_of_the_moment(err);
}

#include "lib/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"

static const char *const code_names[TMV_CODE_COUNT] = {
    [TMV_OK] = "ok",
    [TMV_ERR_NOMEM] = "out-of-memory",
    [TMV_ERR_USAGE] = "usage",
    [TMV_ERR_REFUSED] = "refused",
    [TMV_ERR_NOT_FOUND] = "not-found",
    [TMV_ERR_UNREACHABLE] = "unreachable",
    [TMV_ERR_TIMEOUT] = "timeout",
    [TMV_ERR_CANCELLED] = "cancelled",
    [TMV_ERR_SQL] = "sql",
    [TMV_ERR_CONFLICT] = "conflict",
    [TMV_ERR_OWNERSHIP] = "ownership-lost",
    [TMV_ERR_DIVERGED] = "diverged",
    [TMV_ERR_MOVED] = "moved",
    [TMV_ERR_CLOSED] = "closed",
    [TMV_ERR_VERSION] = "version-conflict",
    [TMV_ERR_DUPLICATE] = "duplicate",
    [TMV_ERR_UNKNOWN] = "unknown-outcome",
    [TMV_ERR_IO] = "io",
    [TMV_ERR_INTERNAL] = "internal",
};

/* One row per kind of failure; a row with a SQLSTATE (or its two-character class) wins over its code's plain
 * row. SQLSTATEs: PostgreSQL documentation, appendix A. */
static const struct {
    enum tmv_code code;
    const char *sqlstate;
    enum tmv_error_class class;
    int exit_code;
} classes[] = {
    {TMV_ERR_SQL, "40001", TMV_CLASS_RETRY, 1},    /* serialization_failure */
    {TMV_ERR_SQL, "40P01", TMV_CLASS_RETRY, 1},    /* deadlock_detected */
    {TMV_ERR_SQL, "55P03", TMV_CLASS_RETRY, 1},    /* lock_not_available */
    {TMV_ERR_SQL, "57014", TMV_CLASS_RETRY, 1},    /* query_canceled (statement timeout) */
    {TMV_ERR_SQL, "53100", TMV_CLASS_OPERATOR, 1}, /* disk_full */
    {TMV_ERR_SQL, "53300", TMV_CLASS_RETRY, 4},    /* too_many_connections */
    {TMV_ERR_SQL, "25006", TMV_CLASS_OPERATOR, 1}, /* read_only_sql_transaction */
    {TMV_ERR_SQL, "42501", TMV_CLASS_OPERATOR, 3}, /* insufficient_privilege */
    {TMV_ERR_SQL, NULL, TMV_CLASS_OPERATOR, 1},
    {TMV_ERR_NOMEM, NULL, TMV_CLASS_RETRY, 1},
    {TMV_ERR_USAGE, NULL, TMV_CLASS_OPERATOR, 2},
    {TMV_ERR_REFUSED, NULL, TMV_CLASS_OPERATOR, 3},
    {TMV_ERR_NOT_FOUND, NULL, TMV_CLASS_OPERATOR, 3},
    {TMV_ERR_UNREACHABLE, "28", TMV_CLASS_OPERATOR, 4},    /* invalid authorization, wrong password */
    {TMV_ERR_UNREACHABLE, "3D000", TMV_CLASS_OPERATOR, 4}, /* no such database */
    {TMV_ERR_UNREACHABLE, "42501", TMV_CLASS_OPERATOR, 4}, /* no right to connect */
    {TMV_ERR_UNREACHABLE, NULL, TMV_CLASS_RECONNECT, 4},
    {TMV_ERR_TIMEOUT, NULL, TMV_CLASS_RETRY, 1},
    {TMV_ERR_CANCELLED, NULL, TMV_CLASS_OPERATOR, 1},
    {TMV_ERR_CONFLICT, NULL, TMV_CLASS_RETRY, 3},
    {TMV_ERR_OWNERSHIP, NULL, TMV_CLASS_FATAL, 1},
    {TMV_ERR_DIVERGED, NULL, TMV_CLASS_FATAL, 1},
    {TMV_ERR_MOVED, NULL, TMV_CLASS_RETRY, 3},
    {TMV_ERR_CLOSED, NULL, TMV_CLASS_RETRY, 3},
    {TMV_ERR_VERSION, NULL, TMV_CLASS_OPERATOR, 3},
    {TMV_ERR_DUPLICATE, NULL, TMV_CLASS_OPERATOR, 3},
    {TMV_ERR_UNKNOWN, NULL, TMV_CLASS_RECONNECT, 1},
    {TMV_ERR_IO, NULL, TMV_CLASS_OPERATOR, 1},
    {TMV_ERR_INTERNAL, NULL, TMV_CLASS_FATAL, 1},
};

const char *tmv_code_name(enum tmv_code code)
{
    return (unsigned)code < TMV_CODE_COUNT ? code_names[code] : "unknown";
}

static int class_row(const struct tmv_error *err)
{
    int plain = -1;

    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (classes[i].code != err->code)
            continue;
        if (!classes[i].sqlstate)
            plain = (int)i;
        else if (strncmp(err->sqlstate, classes[i].sqlstate, strlen(classes[i].sqlstate)) == 0)
            return (int)i;
    }
    return plain;
}

enum tmv_error_class tmv_error_classify(const struct tmv_error *err)
{
    int row = class_row(err);

    return row < 0 ? TMV_CLASS_FATAL : classes[row].class;
}

int tmv_error_exit_code(const struct tmv_error *err)
{
    int row = class_row(err);

    if (err->code == TMV_OK)
        return 0;
    return row < 0 ? 1 : classes[row].exit_code;
}

bool(err_set)(struct tmv_error *err, enum tmv_code code, const char *fmt, ...)
{
    va_list ap;

    memset(err, 0, sizeof *err);
    err->code = code;
    va_start(ap, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    text_sanitize(err->message);
    return false;
}

bool(err_errno)(struct tmv_error *err, const char *fmt, ...)
{
    int saved = errno;
    char context[400];
    char reason[128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    err_set(err, saved == ENOMEM ? TMV_ERR_NOMEM : TMV_ERR_IO, "%s: %s", context,
            strerror_r(saved, reason, sizeof reason));
    err->errnum = saved;
    return false;
}

bool(err_wrap)(struct tmv_error *err, const char *fmt, ...)
{
    char context[300];
    char old[sizeof err->message];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    text_sanitize(context);
    memcpy(old, err->message, sizeof old);
    snprintf(err->message, sizeof err->message, "%s: %.*s", context, (int)(sizeof old - 310), old);
    text_sanitize(err->message);
    err->context += (int)strlen(context) + 2;
    return false;
}

const char *err_cause_first(const struct tmv_error *err, char text[ERR_CAUSE_MAX])
{
    int length = (int)strlen(err->message);
    int context = err->context > 0 && err->context < length ? err->context : 0;

    if (context > 2)
        snprintf(text, ERR_CAUSE_MAX, "%s (%.*s)", err->message + context, context - 2, err->message);
    else
        text_copy(text, ERR_CAUSE_MAX, err->message);
    return text;
}

bool(err_hint)(struct tmv_error *err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
    text_sanitize(err->hint);
    return false;
}

bool err_is_sqlstate(const struct tmv_error *err, const char *sqlstate)
{
    return strcmp(err->sqlstate, sqlstate) == 0;
}

bool err_is_of_the_moment(const struct tmv_error *err)
{
    static const char *const states[] = {"53", "25006", "57", "55", "40", "58"};

    for (size_t i = 0; err->code == TMV_ERR_SQL && i < ARRAY_LEN(states); i++)
        if (strncmp(err->sqlstate, states[i], strlen(states[i])) == 0)
            return true;
    return false;
}

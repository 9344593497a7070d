#include "demo/problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool problem_set(struct tmv_error *err, enum tmv_code code, const char *fmt, ...)
{
    va_list args;

    memset(err, 0, sizeof *err);
    err->code = code;
    va_start(args, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    return false;
}

bool problem_errno(struct tmv_error *err, const char *fmt, ...)
{
    int number = errno;
    char what[400];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    problem_set(err, TMV_ERR_IO, "%s: %s", what, strerror(number));
    err->errnum = number;
    return false;
}

bool problem_wrap(struct tmv_error *err, const char *fmt, ...)
{
    char inner[sizeof err->message];
    size_t used;
    va_list args;

    memcpy(inner, err->message, sizeof inner);
    va_start(args, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    used = strlen(err->message);
    snprintf(err->message + used, sizeof err->message - used, ": %s", inner);
    return false;
}

bool problem_hint(struct tmv_error *err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, args);
    va_end(args);
    return false;
}

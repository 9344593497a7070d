#include "cli/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char *safe_text(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
        /* C1 controls in UTF-8: a terminal takes U+009B for the start of an escape sequence. */
        else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
            c[0] = c[1] = '?';
    }
    return text;
}

bool(failure)(struct tmv_error *err, enum tmv_code code, const char *fmt, ...)
{
    va_list ap;

    memset(err, 0, sizeof *err);
    err->code = code;
    va_start(ap, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    safe_text(err->message);
    return false;
}

bool(failure_errno)(struct tmv_error *err, const char *fmt, ...)
{
    int saved = errno;
    char context[500];
    char reason[128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    failure(err, TMV_ERR_IO, "%s: %s", context, strerror_r(saved, reason, sizeof reason));
    err->errnum = saved;
    return false;
}

bool(failure_wrap)(struct tmv_error *err, const char *fmt, ...)
{
    char inner[sizeof err->message];
    size_t used;
    va_list ap;

    memcpy(inner, err->message, sizeof inner);
    va_start(ap, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    used = strlen(err->message);
    err->context += (int)used + 2;
    snprintf(err->message + used, sizeof err->message - used, ": %s", inner);
    safe_text(err->message);
    return false;
}

bool(failure_hint)(struct tmv_error *err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
    safe_text(err->hint);
    return false;
}

#include "lib/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/text.h"

/* The build names files from its own folder: "../core/…". */
static const char *in_the_tree(const char *file)
{
    while (text_starts(file, "../"))
        file += 3;
    return file;
}

_Noreturn void assert_failed(const char *file, int line, const char *function, const char *condition,
                             const char *fmt, ...)
{
    char state[1000];
    char text[1500];
    size_t len;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(state, sizeof state, fmt, ap);
    va_end(ap);
    snprintf(text, sizeof text - 1, "assertion failed in %s, %s:%d: %s;%s", function, in_the_tree(file), line,
             condition, state);
    text_sanitize(text);
    log_last(TMV_LOG_ERROR, text);
    len = strlen(text);
    text[len++] = '\n';
    /* not stdio: another thread may hold its lock */
    if (write(STDERR_FILENO, text, len) < 0)
        abort();
    abort();
}

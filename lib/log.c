#include "lib/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/text.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static tmv_log_sink *the_sink;
static void *the_user;
static enum tmv_log_level the_lowest;

void tmv_log_set_sink(tmv_log_sink *sink, void *user, enum tmv_log_level lowest)
{
    pthread_mutex_lock(&lock);
    the_sink = sink;
    the_user = user;
    the_lowest = lowest;
    pthread_mutex_unlock(&lock);
}

const char *tmv_log_level_name(enum tmv_log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};

    return (unsigned)level < 4 ? names[level] : "?";
}

void log_line(enum tmv_log_level level, const char *fmt, ...)
{
    char line[1600];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    text_sanitize(line);
    pthread_mutex_lock(&lock);
    if (the_sink && level >= the_lowest)
        the_sink(the_user, level, line);
    pthread_mutex_unlock(&lock);
}

void log_last(enum tmv_log_level level, const char *line)
{
    if (pthread_mutex_trylock(&lock) != 0)
        return;
    if (the_sink && level >= the_lowest)
        the_sink(the_user, level, line);
    pthread_mutex_unlock(&lock);
}

void log_error(enum tmv_log_level level, const char *what, const struct tmv_error *err)
{
    log_line(level, "%s: %s [%s%s%s]%s%s", what, err->message, tmv_code_name(err->code),
             err->sqlstate[0] ? " " : "", err->sqlstate, err->hint[0] ? "; " : "", err->hint);
}

/* Log lines: "what happened key=value …". See tenantmv/log.h for the sink. */
#pragma once

#include "tenantmv/log.h"

void log_line(enum tmv_log_level level, const char *fmt, ...) TMV_PRINTF(2, 3);
/* The edge where an error ends: one line with its code, SQLSTATE, message and hint. */
void log_error(enum tmv_log_level level, const char *what, const struct tmv_error *err);

/* The last line of a process that is about to abort: ready text, for the sink as it is. Never waits: when
 * another thread, or this one, is inside the sink, the line is dropped. */
void log_last(enum tmv_log_level level, const char *line);

#define log_debug(...) log_line(TMV_LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(TMV_LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(TMV_LOG_WARN, __VA_ARGS__)

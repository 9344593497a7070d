/* The library's only output: log lines, given to a sink that the program chooses. Core never prints.
 *
 * Thread-safe. A sink is called with the lock held, must not call back into the library, and should not block
 * for long. Without a sink, lines are dropped.
 */
#pragma once

#include "tenantmv/error.h"

enum tmv_log_level { TMV_LOG_DEBUG, TMV_LOG_INFO, TMV_LOG_WARN, TMV_LOG_ERROR };

/* One line without its newline; already safe to show (no control characters, valid UTF-8). */
typedef void tmv_log_sink(void *user, enum tmv_log_level level, const char *line);

/* Sets the sink and the lowest level that reaches it. NULL drops everything. */
TMV_API void tmv_log_set_sink(tmv_log_sink *sink, void *user, enum tmv_log_level lowest);
TMV_API const char *tmv_log_level_name(enum tmv_log_level level);

/* The library's only output: log lines, given to a sink that the program chooses. Core never prints.
 *
 * Any thread. A sink is called by the thread that logs, one call at a time, with a lock held: it must not
 * call back into the library, and while it blocks every thread that logs waits. Without a sink, lines are
 * dropped.
 *
 * Cannot fail: every function that takes no `err`.
 */
#pragma once

#include "tenantmv/error.h"

enum tmv_log_level { TMV_LOG_DEBUG, TMV_LOG_INFO, TMV_LOG_WARN, TMV_LOG_ERROR };

/* One line without its newline; already safe to show (no control characters, valid UTF-8). Borrowed for the
 * call; `user` is what tmv_log_set_sink was given. */
typedef void tmv_log_sink(void *user, enum tmv_log_level level, const char *line);

/* Sets the sink of the whole process and the lowest level that reaches it; NULL drops everything. `user` is
 * borrowed until another sink is set. Waits for a line that is being logged: when it returns, the old sink is
 * not called any more. */
TMV_API void tmv_log_set_sink(tmv_log_sink *sink, void *user, enum tmv_log_level lowest);
/* "debug", "info", "warn", "error"; "?" for another number. A constant. */
TMV_API const char *tmv_log_level_name(enum tmv_log_level level);

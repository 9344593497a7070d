/* Assertions, kept in release builds. A broken invariant is a programming error: nobody may retry it as if it
 * were an error of the database. The process ends, and another engine takes the migration over by design.
 *
 *   TMV_ASSERT(t->reached >= t->watermark, "reached %" PRId64 ", watermark %" PRId64, t->reached,
 * t->watermark);
 *
 * The condition has no effects. The text after it is the state as printf writes it; it may be left out where
 * the condition says everything.
 */
#pragma once

#include "tenantmv/error.h"

#define TMV_ASSERT(condition, ...)                                                                           \
    do {                                                                                                     \
        if (__builtin_expect(!(condition), 0))                                                               \
            assert_failed(__FILE__, __LINE__, __func__, #condition, " " __VA_ARGS__);                        \
    } while (0)

/* Writes one line to standard error and to the log's sink, then calls abort(), which a supervisor sees as
 * SIGABRT and a debugger stops at. From any thread, with any lock held: the log is skipped when its lock is
 * taken. */
_Noreturn void assert_failed(const char *file, int line, const char *function, const char *condition,
                             const char *fmt, ...) TMV_PRINTF(5, 6);

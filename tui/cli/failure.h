/* Errors that the program itself makes, in the library's form. All return false, so that a failing function
 * ends in `return failure(err, …);`. Text from outside is made safe on the way in. */
#pragma once

#include "tenantmv/error.h"

bool failure(struct tmv_error *err, enum tmv_code code, const char *fmt, ...) TMV_PRINTF(3, 4);
/* As failure, with the current errno's text behind the message; the code is IO. */
bool failure_errno(struct tmv_error *err, const char *fmt, ...) TMV_PRINTF(2, 3);
/* Puts "context: " before the message that is already there. */
bool failure_wrap(struct tmv_error *err, const char *fmt, ...) TMV_PRINTF(2, 3);
/* Says what to do next; replaces an earlier hint. */
bool failure_hint(struct tmv_error *err, const char *fmt, ...) TMV_PRINTF(2, 3);
/* In place: control characters become '?'. For words that came from a command line, a file or a database. */
char *safe_text(char *text);

/* They return false, always: said here, so that checkers do not follow paths on which a failed call went on.
 */
static inline bool failure_false(bool failed)
{
    (void)failed;
    return false;
}
#define failure(...) failure_false(failure(__VA_ARGS__))
#define failure_errno(...) failure_false(failure_errno(__VA_ARGS__))
#define failure_wrap(...) failure_false(failure_wrap(__VA_ARGS__))
#define failure_hint(...) failure_false(failure_hint(__VA_ARGS__))

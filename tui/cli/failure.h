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

/* Making errors on this side of the public headers. All return false, so that a failing function ends in
 * `return problem_set(err, …);`. */
#pragma once

#include "tenantmv/error.h"

bool problem_set(struct tmv_error *err, enum tmv_code code, const char *fmt, ...) TMV_PRINTF(3, 4);
/* Adds the text of the current errno. */
bool problem_errno(struct tmv_error *err, const char *fmt, ...) TMV_PRINTF(2, 3);
/* Puts "context: " before the message that is already there. */
bool problem_wrap(struct tmv_error *err, const char *fmt, ...) TMV_PRINTF(2, 3);
/* Says what to do next. */
bool problem_hint(struct tmv_error *err, const char *fmt, ...) TMV_PRINTF(2, 3);

/* Making errors. They are made once, where they happen, wrapped on the way up, and logged once at the edge;
 * never logged *and* returned. All of these return false, so that a failing function ends in
 * `return err_set(err, …);`.
 */
#pragma once

#include "tenantmv/error.h"

bool err_set(struct tmv_error *err, enum tmv_code code, const char *fmt, ...) TMV_PRINTF(3, 4);
/* Uses the current errno and its text. */
bool err_errno(struct tmv_error *err, const char *fmt, ...) TMV_PRINTF(2, 3);
/* Puts "context: " before the message that is already there. */
bool err_wrap(struct tmv_error *err, const char *fmt, ...) TMV_PRINTF(2, 3);
/* Says what to do next; replaces an earlier hint. */
bool err_hint(struct tmv_error *err, const char *fmt, ...) TMV_PRINTF(2, 3);
/* The message as a person needs it where there is little room: the cause, then in parentheses what was being
 * done. Returns `text`. */
#define ERR_CAUSE_MAX 704 /* bytes of any message so */
const char *err_cause_first(const struct tmv_error *err, char text[ERR_CAUSE_MAX]);
/* Whether the server answered with this SQLSTATE. */
bool err_is_sqlstate(const struct tmv_error *err, const char *sqlstate);
/* Whether a server's error is one of its state, not of what was asked: no room, read only, shutting down, a
 * lock, a conflict, its disk. What was asked will do once that is over. */
bool err_is_of_the_moment(const struct tmv_error *err);

/* What makes or changes an error returns false, always. These macros say so to compilers and checkers, which
 * do not see into err.c and would follow paths on which a failed call continues. */
static inline bool err_false(bool failed)
{
    (void)failed;
    return false;
}
#define err_set(...) err_false(err_set(__VA_ARGS__))
#define err_errno(...) err_false(err_errno(__VA_ARGS__))
#define err_wrap(...) err_false(err_wrap(__VA_ARGS__))
#define err_hint(...) err_false(err_hint(__VA_ARGS__))

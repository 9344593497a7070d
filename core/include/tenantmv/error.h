/* Errors of libtenantmv: one fixed-size value, made once where it happens and given context on the way up.
 *
 * A function that can fail takes a `struct tmv_error *`, never NULL, as its last argument. It returns false
 * and fills the value when it fails; after success the value means nothing. It owns nothing and may be copied
 * and dropped freely. Conditions that a caller must handle as a matter of course ("no such row") are results.
 *
 * The following holds in all headers, unless a function says otherwise. Pointers are not NULL. Arguments are
 * borrowed for the call. What a function returns through a `ret_…` argument belongs to the caller, and is
 * left as it was when the function fails. A name that ends in `_us` is in microseconds, in `_ms` in
 * milliseconds. Texts are UTF-8.
 *
 * Cannot fail: every function of this header. Any thread; none blocks.
 */
#pragma once

#include <stdbool.h>

#define TMV_API __attribute__((visibility("default")))
#define TMV_NODISCARD __attribute__((warn_unused_result))
#define TMV_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* What kind of failure it is. `tmv_error_class` says what to do about each. */
enum tmv_code {
    TMV_OK = 0,
    TMV_ERR_NOMEM,       /* memory, or a stated maximum, is exhausted */
    TMV_ERR_USAGE,       /* an argument or the configuration is wrong */
    TMV_ERR_REFUSED,     /* not allowed in this state, or a check refuses it; nothing was changed */
    TMV_ERR_NOT_FOUND,   /* the named tenant, store, migration … does not exist */
    TMV_ERR_UNREACHABLE, /* no connection, or it was lost */
    TMV_ERR_TIMEOUT,     /* a bound on a wait passed */
    TMV_ERR_CANCELLED,   /* asked to stop */
    TMV_ERR_SQL,         /* the server answered with an error; see sqlstate */
    TMV_ERR_CONFLICT,    /* a compare-and-set lost: it was changed in the meantime */
    TMV_ERR_OWNERSHIP,   /* this engine no longer owns the migration */
    TMV_ERR_DIVERGED,    /* source and target disagree about an event */
    TMV_ERR_MOVED,       /* the tenant lives on another store (SQLSTATE TM001) */
    TMV_ERR_CLOSED,      /* the store does not take the tenant's writes now (TM002) */
    TMV_ERR_VERSION,     /* an append's expected stream version does not hold */
    TMV_ERR_DUPLICATE,   /* an event with this id exists already */
    TMV_ERR_UNKNOWN,     /* the answer to a commit was lost: it may have happened */
    TMV_ERR_IO,          /* the operating system refused a file, socket or process; see errnum */
    TMV_ERR_INTERNAL,    /* a bug of ours */
    TMV_CODE_COUNT
};

/* What a caller can do about an error. */
enum tmv_error_class {
    TMV_CLASS_RETRY,     /* the same again may work */
    TMV_CLASS_RECONNECT, /* the same on a new connection may work */
    TMV_CLASS_OPERATOR,  /* a person has to change something first */
    TMV_CLASS_FATAL      /* no retry will help */
};

struct tmv_error {
    enum tmv_code code;
    int errnum;          /* errno, or 0 */
    char sqlstate[6];    /* five characters, or empty */
    char constraint[64]; /* name of the violated constraint as the server gave it, or empty */
    int context;         /* bytes of the message before the cause: "reading the facts: store k1: " */
    char message[700];   /* one line: what happened, outermost context first */
    char detail[400];    /* the server's DETAIL, or empty */
    char hint[400];      /* what to do next, or empty */
};

/* Name of a code, for logs and JSON: "refused"; "unknown" for a number that is no code. A constant. */
TMV_API const char *tmv_code_name(enum tmv_code code);

/* What can be done about `err`, from one table over (code, SQLSTATE): FATAL for TMV_OK. SQLSTATEs are those
 * of appendix A of the PostgreSQL documentation, and TM001, TM002 of our guard. */
TMV_API enum tmv_error_class tmv_error_classify(const struct tmv_error *err);

/* Exit code of a program that ends with `err`: 0 done (TMV_OK), 1 failed, 2 usage, 3 refused, 4 unreachable.
 */
TMV_API int tmv_error_exit_code(const struct tmv_error *err);

/* A growing byte buffer with a stated maximum. The owner releases it; its text always ends in NUL.
 * A failed append marks the buffer; check once at the end with buf_ok (so that building text stays readable).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tenantmv/error.h"

struct buf {
    char *data;  /* owned; NULL until something is added */
    size_t len;  /* bytes without the final NUL */
    size_t cap;  /* bytes allocated */
    size_t max;  /* never longer than this */
    bool failed; /* an append did not fit or memory ran out; further appends do nothing */
};

#define BUF_INIT(maximum) ((struct buf){.max = (maximum)})

void buf_release(struct buf *b);
void buf_clear(struct buf *b); /* empties, keeps the memory, forgets a failure */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_str(struct buf *b, const char *text);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) TMV_PRINTF(2, 3);
/* The text so far, never NULL. Borrowed until the next change. */
const char *buf_text(const struct buf *b);
bool buf_ok(const struct buf *b, struct tmv_error *err);

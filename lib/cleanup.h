/* Scope cleanup: `AUTO(buf) struct buf b = BUF_INIT(…);` releases at the end of the block; TAKE(p) hands a
 * pointer out and leaves NULL behind. Destructors accept NULL and half-built objects.
 */
#pragma once

#include <stdlib.h>

#include "lib/buf.h"

#define AUTO(type) __attribute__((cleanup(type##_auto)))
#define TAKE(p)                                                                                              \
    __extension__({                                                                                          \
        __typeof__(p) taken_ = (p);                                                                          \
        (p) = NULL;                                                                                          \
        taken_;                                                                                              \
    })

static inline void buf_auto(struct buf *b)
{
    buf_release(b);
}

static inline void free_auto(void *p)
{
    free(*(void **)p);
}

#define AUTO_FREE __attribute__((cleanup(free_auto)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))

/* Words compared without regard to case, in ASCII and in every locale alike: under tr_TR the C library takes
 * i and I for two letters. Other characters are equal to themselves. */
#pragma once

#include <stddef.h>

int words_compare(const char *a, const char *b);
/* At most `n` bytes of them. */
int words_compare_n(const char *a, const char *b, size_t n);
/* Where `word` begins in `text`; NULL: nowhere. */
const char *words_find(const char *text, const char *word);

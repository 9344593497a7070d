#include "widgets/words.h"

#include <stdint.h>
#include <string.h>

#include "lib/text.h"

static int lower(char c)
{
    return (unsigned char)text_lower(c);
}

int words_compare_n(const char *a, const char *b, size_t n)
{
    for (; n > 0; a++, b++, n--)
        if (lower(*a) != lower(*b) || *a == '\0')
            return lower(*a) - lower(*b);
    return 0;
}

int words_compare(const char *a, const char *b)
{
    return words_compare_n(a, b, SIZE_MAX);
}

const char *words_find(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (; words_compare_n(text, word, n) != 0; text++)
        if (*text == '\0')
            return NULL;
    return text;
}

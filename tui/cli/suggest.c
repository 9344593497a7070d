#include "cli/suggest.h"

#include <stdint.h>
#include <string.h>

#define WORD_MAX 63

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t word_distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    size_t la = strlen(a), lb = strlen(b);

    if (la > WORD_MAX || lb > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= lb; j++)
        last[j] = j;
    for (size_t i = 1; i <= la; i++) {
        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[lb];
}

const char *suggest(const char *typed, const char *const *words)
{
    size_t length = strlen(typed);
    size_t nearest = length < 6 ? 2 : length / 3 + 1; /* first distance that is too far */
    const char *found = NULL;

    for (; *words; words++) {
        size_t distance = word_distance(typed, *words);

        /* An abbreviation is a likelier slip than a misspelling. */
        if (length >= 3 && strncmp(typed, *words, length) == 0)
            distance = 1;
        if (distance < nearest && distance < strlen(*words)) {
            nearest = distance;
            found = *words;
        }
    }
    return found;
}

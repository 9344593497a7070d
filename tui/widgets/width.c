#include "widgets/width.h"

#include <stdint.h>
#include <string.h>

#include "lib/utf8.h"

size_t grapheme_next(const char *text, char ret_grapheme[CELL_BYTES], int *ret_width)
{
    int32_t point = 0, mark;
    size_t n, used;

    if (*text == '\0')
        return 0;
    n = utf8_next(text, &point);
    *ret_width = n > 0 ? utf8_columns(point) : -1;
    if (*ret_width <= 0) {
        *ret_width = 1;
        memcpy(ret_grapheme, "?", 2);
        return n == 0 ? 1 : n;
    }
    memcpy(ret_grapheme, text, n);
    used = n;
    for (size_t m; text[n] != '\0' && (m = utf8_next(text + n, &mark)) > 0 && utf8_columns(mark) == 0;
         n += m) {
        if (used + m >= CELL_BYTES)
            continue; /* more marks than any writing needs: dropped */
        memcpy(ret_grapheme + used, text + n, m);
        used += m;
    }
    ret_grapheme[used] = '\0';
    return n;
}

int text_width(const char *text)
{
    char grapheme[CELL_BYTES];
    int total = 0, width;

    for (size_t n; (n = grapheme_next(text, grapheme, &width)) > 0; text += n)
        total += width;
    return total;
}

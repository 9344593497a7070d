#include "widgets/width.h"

#include <locale.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

struct range {
    uint32_t first, last;
};

/* Characters that would change how others are shown, or show nothing. */
static const struct range unsafe[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x061c, 0x061c},
    {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
    {0xd800, 0xdfff}, {0xfeff, 0xfeff}, {0xfff0, 0xfffc}, {0xe0000, 0xe0fff},
};

static bool in_ranges(uint32_t c, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

#define IN(c, ranges) in_ranges(c, ranges, sizeof(ranges) / sizeof *(ranges))

/* The C library's own tables, which curses and most terminals go by, in whatever locale the program runs:
 * they are asked in a UTF-8 locale that only this file uses. */
static locale_t utf8;
static pthread_once_t utf8_once = PTHREAD_ONCE_INIT;

static void open_utf8(void)
{
    static const char *const names[] = {"C.UTF-8", "C.utf8", "en_US.UTF-8", ""};

    for (size_t i = 0; i < sizeof names / sizeof *names && utf8 == (locale_t)0; i++)
        utf8 = newlocale(LC_CTYPE_MASK, names[i], (locale_t)0);
}

/* Columns of one character: 0 for a mark that sits on the one before, -1 for what must not be shown. */
static int character_width(uint32_t c)
{
    locale_t before;
    int width;

    if (c >= 0x20 && c < 0x7f)
        return 1;
    if (IN(c, unsafe))
        return -1;
    pthread_once(&utf8_once, open_utf8);
    if (utf8 == (locale_t)0)
        return 1;
    before = uselocale(utf8);
    width = wcwidth((wchar_t)c);
    uselocale(before);
    return width;
}

/* One character; 0 when the bytes are not UTF-8. */
static size_t decode(const unsigned char *s, uint32_t *ret_char)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 && s[0] < 0xf8 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
    uint32_t c;

    if (n == 0 || s[0] >= 0xf8)
        return 0;
    c = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    if (c < lowest[n] || c > 0x10ffff)
        return 0;
    *ret_char = c;
    return n;
}

size_t grapheme_next(const char *text, char ret_grapheme[CELL_BYTES], int *ret_width)
{
    const unsigned char *s = (const unsigned char *)text;
    uint32_t c = 0, mark;
    size_t n, used;

    if (s[0] == 0)
        return 0;
    n = decode(s, &c);
    *ret_width = n > 0 ? character_width(c) : -1;
    if (*ret_width <= 0) {
        *ret_width = 1;
        memcpy(ret_grapheme, "?", 2);
        return n == 0 ? 1 : n;
    }
    memcpy(ret_grapheme, text, n);
    used = n;
    for (size_t m; s[n] >= 0x80 && (m = decode(s + n, &mark)) > 0 && character_width(mark) == 0; n += m) {
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

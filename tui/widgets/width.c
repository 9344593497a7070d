#include "widgets/width.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct range {
    uint32_t first, last;
};

/* Marks that sit on the character before them (the blocks a tenant's name can meet). */
static const struct range combining[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f},
    {0x0900, 0x0902}, {0x093a, 0x093c}, {0x0941, 0x0948}, {0x094d, 0x094d}, {0x0e31, 0x0e31},
    {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20f0},
    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};
/* Characters two columns wide. */
static const struct range wide[] = {
    {0x1100, 0x115f}, {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x25fd, 0x25fe},   {0x2614, 0x2615},
    {0x2648, 0x2653}, {0x2693, 0x2693},   {0x26a1, 0x26a1},   {0x26bd, 0x26be},   {0x26d4, 0x26d4},
    {0x2705, 0x2705}, {0x2728, 0x2728},   {0x274c, 0x274c},   {0x2753, 0x2755},   {0x2795, 0x2797},
    {0x2e80, 0x303e}, {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4cf},
    {0xa960, 0xa97c}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
    {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
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
    uint32_t c, mark;
    size_t n, used;

    if (s[0] == 0)
        return 0;
    n = decode(s, &c);
    *ret_width = 1;
    if (n == 0 || IN(c, unsafe) || IN(c, combining)) {
        memcpy(ret_grapheme, "?", 2);
        return n == 0 ? 1 : n;
    }
    memcpy(ret_grapheme, text, n);
    used = n;
    if (IN(c, wide))
        *ret_width = 2;
    for (size_t m; s[n] >= 0x80 && (m = decode(s + n, &mark)) > 0 && IN(mark, combining); n += m) {
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

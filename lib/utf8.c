#include "lib/utf8.h"

#include <string.h>
#include <utf8proc.h>

#include "lib/cleanup.h"
#include "lib/text.h"

size_t utf8_next(const char *text, int32_t *ret_point)
{
    utf8proc_ssize_t n;

    if ((unsigned char)*text < 0x80) {
        *ret_point = (unsigned char)*text;
        return 1;
    }
    n = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, ret_point);
    return n > 0 ? (size_t)n : 0;
}

static bool is_any_of(utf8proc_propval_t category, const utf8proc_category_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (category == (utf8proc_propval_t)list[i])
            return true;
    return false;
}

bool utf8_is_unsafe(int32_t point)
{
    static const utf8proc_category_t never[] = {UTF8PROC_CATEGORY_CC, UTF8PROC_CATEGORY_ZL,
                                                UTF8PROC_CATEGORY_ZP, UTF8PROC_CATEGORY_CS};
    static const utf8proc_category_t marks[] = {UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_MC,
                                                UTF8PROC_CATEGORY_ME};
    const utf8proc_property_t *property;

    if (point >= 0x20 && point < 0x7f)
        return false;
    property = utf8proc_get_property(point);
    if (is_any_of(property->category, never, ARRAY_LEN(never)))
        return true;
    if (property->category ==
        UTF8PROC_CATEGORY_CF) /* but for the few that are seen: Arabic signs around a number */
        return property->boundclass != UTF8PROC_BOUNDCLASS_PREPEND;
    /* letters without a shape, like the fillers of Hangul; not the selectors behind a picture */
    return property->ignorable && !is_any_of(property->category, marks, ARRAY_LEN(marks));
}

/* The tables say how much of a line a character alone takes. Behind another, the vowel and the end of a
 * Hangul syllable take nothing more, and a spacing mark (Bengali, Tamil) takes its own column: so do curses
 * and terminals. */
int utf8_columns(int32_t point)
{
    const utf8proc_property_t *property;

    if (point >= 0x20 && point < 0x7f)
        return 1;
    property = utf8proc_get_property(point);
    if (property->category == UTF8PROC_CATEGORY_CN || utf8_is_unsafe(point))
        return -1;
    if (property->boundclass == UTF8PROC_BOUNDCLASS_V || property->boundclass == UTF8PROC_BOUNDCLASS_T)
        return 0;
    if (property->category == UTF8PROC_CATEGORY_MC || property->category == UTF8PROC_CATEGORY_CF)
        return 1;
    return utf8proc_charwidth(point);
}

/* ---- case ---- */

/* Text read as folded characters: one may become several ("ß" is "ss"). */
struct folded {
    const char *at, *end;
    utf8proc_int32_t points[8]; /* of the character that was read last */
    int next, count;
};

static struct folded folded(const char *text, size_t length)
{
    return (struct folded){.at = text, .end = text + length};
}

/* The next one; 0 at the end. A byte that is not UTF-8 is a number below 0. */
static int32_t take(struct folded *f)
{
    int32_t point;
    int class = 0;
    size_t n;

    if (f->next < f->count)
        return f->points[f->next++];
    if (f->at >= f->end)
        return 0;
    if ((unsigned char)*f->at < 0x80)
        return text_lower(*f->at++);
    n = utf8_next(f->at, &point);
    if (n == 0 || n > (size_t)(f->end - f->at))
        return -(int32_t)(unsigned char)*f->at++;
    f->at += n;
    f->count = (int)utf8proc_decompose_char(point, f->points, 8, UTF8PROC_CASEFOLD, &class);
    f->next = 1;
    if (f->count > 0 && f->count <= 8)
        return f->points[0];
    f->count = 0;
    return point;
}

/* Whether all of `b` comes first in `a`; `whole`: and nothing else. */
static bool comes_first(struct folded a, struct folded b, bool whole)
{
    int32_t wanted, found;

    do {
        wanted = take(&b);
        found = wanted != 0 || whole ? take(&a) : 0;
    } while (wanted != 0 && wanted == found);
    return wanted == found;
}

bool fold_equal_n(const char *a, size_t length, const char *b)
{
    return comes_first(folded(a, length), folded(b, strlen(b)), true);
}

bool fold_equal(const char *a, const char *b)
{
    return fold_equal_n(a, strlen(a), b);
}

bool fold_starts(const char *text, const char *prefix)
{
    return comes_first(folded(text, strlen(text)), folded(prefix, strlen(prefix)), false);
}

const char *fold_find(const char *text, const char *word)
{
    const struct folded wanted = folded(word, strlen(word));
    const char *end = text + strlen(text);
    struct folded begin = wanted;
    int32_t first = take(&begin), point;

    for (;;) {
        bool ascii =
            (unsigned char)*text < 0x80; /* folds to one character: most places need no closer look */

        if ((!ascii || first == 0 || text_lower(*text) == first) &&
            comes_first(folded(text, (size_t)(end - text)), wanted, false))
            return text;
        if (text == end)
            return NULL;
        size_t n = ascii ? 1 : utf8_next(text, &point);
        text += n > 0 ? n : 1;
    }
}

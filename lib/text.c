#include "lib/text.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/utf8.h"

bool text_copy(char *dst, size_t size, const char *src)
{
    size_t n = strlen(src ? src : "");
    bool fits = n < size;

    if (!fits)
        n = size - 1;
    if (src)
        memcpy(dst, src, n);
    dst[n] = '\0';
    return fits;
}

char *text_sanitize(char *text)
{
    unsigned char *in = (unsigned char *)text;
    unsigned char *out = in;

    while (*in) {
        int32_t point = 0;
        size_t n = utf8_next((const char *)in, &point);

        if (n == 0) {
            *out++ = '?';
            in++;
        } else if (utf8_is_unsafe(point)) {
            *out++ = point == '\n' || point == '\t' || point == '\r' ? ' ' : '?';
            in += n;
        } else {
            memmove(out, in, n);
            out += n;
            in += n;
        }
    }
    *out = '\0';
    return text;
}

bool text_may_be_secret(const char *argument)
{
    return strpbrk(argument, "=:@") || strstr(argument, "password");
}

static const char not_shown[] = "(not shown: it may contain a password)";

const char *text_argument(const char *argument, char text[TEXT_ARGUMENT_MAX])
{
    if (text_may_be_secret(argument))
        text_copy(text, TEXT_ARGUMENT_MAX, not_shown);
    else
        snprintf(text, TEXT_ARGUMENT_MAX, "\"%.130s\"", argument);
    return text;
}

bool text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* ---- paths ---- */

static const char blanks[] = " \t\n\r\f\v";

/* Length of the name at the beginning of a word that is an option=value; 0: the word is none. */
static size_t option_length(const char *word)
{
    size_t length = 0;

    while ((text_lower(word[length]) >= 'a' && text_lower(word[length]) <= 'z') || word[length] == '_')
        length++;
    return word[length + strspn(word + length, blanks)] == '=' ? length : 0;
}

static bool names_a_secret(const char *name, size_t length)
{
    static const char *const parts[] = {"pas", "pw", "secret", "token", "key"}; /* "pasword" is one, too */

    for (size_t at = 0; at < length; at++)
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            size_t n = strlen(parts[i]), k = 0;

            while (k < n && at + k < length && text_lower(name[at + k]) == parts[i][k])
                k++;
            if (k == n)
                return true;
        }
    return false;
}

/* Several words, as in host=db1 password=x. */
static bool is_words(const char *path)
{
    const char *word = path + strspn(path, blanks);

    if (word[strcspn(word, blanks)] == '\0')
        return false;
    while (*word) {
        if (option_length(word) > 0 || fold_starts(word, "pas") || fold_starts(word, "pgpas"))
            return true;
        word += strcspn(word, blanks);
        word += strspn(word, blanks);
    }
    return false;
}

/* A connection string never begins like that. */
static bool is_anchored(const char *path)
{
    return (path[0] == '/' && path[1] != '/') || text_starts(path, "./") || text_starts(path, "../");
}

bool text_looks_like_conninfo(const char *path)
{
    const char *colon = strchr(path, ':');

    if (strstr(path, "://") || is_words(path))
        return true;
    if (is_anchored(path))
        return false;
    return (colon && strchr(colon, '@')) || names_a_secret(path, option_length(path));
}

const char *text_path(const char *path, char text[TEXT_PATH_MAX])
{
    if (text_looks_like_conninfo(path))
        text_copy(text, TEXT_PATH_MAX, not_shown);
    else
        snprintf(text, TEXT_PATH_MAX, "\"%.330s\"", path);
    return text;
}

bool text_to_int64(const char *text, int64_t lowest, int64_t highest, int64_t *ret_value)
{
    char *end;
    long long value;

    if (!text || !((*text >= '0' && *text <= '9') || *text == '-'))
        return false;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || *end || end == text || value < lowest || value > highest)
        return false;
    *ret_value = value;
    return true;
}

#define DECIMAL_BOUND 9e12 /* times 10⁶ it fits an int64_t */
#define DECIMAL_DIGITS 6

const char *text_decimal(double value, int digits, char text[TEXT_DECIMAL_MAX])
{
    double bounded = value > -DECIMAL_BOUND ? fmin(value, DECIMAL_BOUND) : -DECIMAL_BOUND;
    int places = digits < 0 ? 0 : digits > DECIMAL_DIGITS ? DECIMAL_DIGITS : digits;
    int64_t scale = 1;

    for (int i = 0; i < places; i++)
        scale *= 10;
    int64_t scaled = llround(bounded * (double)scale);
    int64_t size = scaled < 0 ? -scaled : scaled;
    int n = snprintf(text, TEXT_DECIMAL_MAX, "%s%" PRId64, scaled < 0 ? "-" : "", size / scale);
    if (places > 0)
        snprintf(text + n, (size_t)(TEXT_DECIMAL_MAX - n), ".%0*" PRId64, places, size % scale);
    return text;
}

double text_read_double(const char *text, const char **ret_end)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char *end;
    double value;

    *ret_end = text;
    if (plain == (locale_t)0)
        return 0;
    value = strtod_l(text, &end, plain);
    *ret_end = end;
    freelocale(plain);
    return value;
}

bool text_to_double(const char *text, double *ret_value)
{
    const char *end;

    *ret_value = text_read_double(text, &end);
    return end != text && *end == '\0';
}

#include "walk_mask.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Three bytes each: blocks, lines and dots that stand for a figure. */
static bool is_drawn(const char *at)
{
    unsigned char a = (unsigned char)at[0], b = (unsigned char)at[1];

    return a == 0xe2 && (b == 0x94 || b == 0x95 || b == 0x96); /* U+2500 … U+25BF */
}

static bool is_unit(const char *at, size_t *ret_length)
{
    static const char *const units[] = {" ms", " s", " min", " h", "ms", "s", "m", "h", "k", "M", "%"};

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        *ret_length = strlen(units[i]);
        if (strncmp(at, units[i], *ret_length) == 0 && !isalpha((unsigned char)at[*ret_length]))
            return true;
    }
    return false;
}

/* Bytes of the figure that begins here, with its unit; 0: none does. An unknown one is a figure too. */
static size_t figure(const char *at)
{
    size_t n = 0, unit;

    if (strncmp(at, "—", 3) == 0)
        return 3;
    if (!isdigit((unsigned char)*at))
        return 0;
    while (isdigit((unsigned char)at[n]) ||
           (strchr(".,:-", at[n]) != NULL && isdigit((unsigned char)at[n + 1])))
        n++;
    if (at[n] == 'T' && isdigit((unsigned char)at[n + 1])) /* a date with its time */
        return n + 1 + figure(at + n + 1);
    if (at[n] == 'Z')
        return n + 1;
    return is_unit(at + n, &unit) ? n + unit : n;
}

/* Bytes of a name made at random that begins here: four and more hexadecimal digits, one of them no letter.
 */
static size_t random_name(const char *at)
{
    size_t n = strspn(at, "0123456789abcdef-");

    return n >= 4 && strcspn(at, "0123456789") < n && strcspn(at, "abcdef") < n &&
                   !isalnum((unsigned char)at[n])
               ? n
               : 0;
}

struct mask {
    char *out;
    size_t used, size;
};

static void put(struct mask *mask, const char *bytes, size_t n)
{
    if (mask->used + n + 1 > mask->size)
        return;
    memcpy(mask->out + mask->used, bytes, n);
    mask->used += n;
    mask->out[mask->used] = '\0';
}

/* One of a run is enough. */
static void put_once(struct mask *mask, const char *bytes)
{
    size_t n = strlen(bytes);

    if (mask->used < n || memcmp(mask->out + mask->used - n, bytes, n) != 0)
        put(mask, bytes, n);
}

/* What was cut depends on the figures before it: the last word goes with the dots. */
static void cut(struct mask *mask)
{
    while (mask->used > 0 && strchr(" \n", mask->out[mask->used - 1]) == NULL)
        mask->used--;
    put(mask, "…", 3);
}

static void mask_line(struct mask *mask, const char *line)
{
    for (const char *begin = line; *line != '\0';) {
        size_t n = line == begin || !isalnum((unsigned char)line[-1]) ? random_name(line) : 0;
        n = n > 0 ? n : figure(line);
        if (n > 0) {
            put_once(mask, "#");
            line += n;
        } else if (is_drawn(line)) {
            put_once(mask, "─");
            line += 3;
        } else if (strncmp(line, "…", 3) == 0) {
            cut(mask);
            line += 3;
        } else if (*line == ' ') {
            put_once(mask, " ");
            line++;
        } else {
            put(mask, line++, 1);
        }
    }
    while (mask->used > 0 && mask->out[mask->used - 1] == ' ')
        mask->used--;
    put(mask, "\n", 1);
}

/* Lines of a plot begin with its axis; how many are empty is chance. */
static bool is_plot(const char *line)
{
    const char *axis = strpbrk(line, "\xe2");

    return axis != NULL && axis - line < 10 &&
           (strncmp(axis, "│", 3) == 0 || strncmp(axis, "┤", 3) == 0 || strncmp(axis, "└", 3) == 0);
}

/* What became of a request is said for a few seconds. */
static bool is_passing(const char *line)
{
    return strstr(line, "(command ") != NULL;
}

/* The word for the age of the picture depends on the machine's load. */
static void forget_age(char *line)
{
    char *lag = strstr(line, "] LAG ");

    if (lag != NULL) {
        memmove(lag + 7, lag + 6, strlen(lag + 6) + 1);
        memcpy(lag, "] LIVE ", 7);
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);

    return n >= k && strcmp(text + n - k, end) == 0;
}

/* A masked line that says what happened just now or last: what was cut, an event with its time, a row of the
 * fleet with its note, nothing at all. */
static bool is_of_the_moment(const char *line)
{
    bool tabs = strncmp(line, " # Fleet", strlen(" # Fleet")) == 0;

    return line[0] == '\n' || strstr(line, "…") != NULL || (strncmp(line, " # ", 3) == 0 && !tabs) ||
           (strncmp(line, "─ ", strlen("─ ")) == 0 && !ends_with(line, "─\n"));
}

void walk_mask(const char *picture, char *masked, size_t size)
{
    struct mask mask = {masked, 0, size};

    masked[0] = '\0';
    while (*picture != '\0') {
        char line[2000];
        size_t n = strcspn(picture, "\n");
        snprintf(line, sizeof line - 1, "%.*s", (int)n, picture); /* one more may be put in */
        forget_age(line);
        size_t before = mask.used;
        mask_line(&mask, line);
        if (is_plot(line) || is_passing(line) || is_of_the_moment(mask.out + before)) {
            mask.used = before;
            mask.out[before] = '\0';
        }
        picture += n + (picture[n] == '\n');
    }
}

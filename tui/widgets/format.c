#include "widgets/format.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/text.h"

#define MS INT64_C(1000)
#define S INT64_C(1000000)
#define MINUTE (60 * S)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const char *put(char text[FORMAT_MAX], const char *words)
{
    text_copy(text, FORMAT_MAX, words);
    return text;
}

/* One decimal below ten, none above: three figures at most. */
static void scaled(char text[FORMAT_MAX], int64_t n, int64_t unit, const char *name)
{
    int64_t tenths = n * 10 / unit;

    if (tenths < 100)
        snprintf(text, FORMAT_MAX, "%d.%d%s", (int)(tenths / 10), (int)(tenths % 10), name);
    else
        snprintf(text, FORMAT_MAX, "%lld%s", (long long)(n / unit), name);
}

const char *format_duration(int64_t us, char text[FORMAT_MAX])
{
    if (us < 0)
        return put(text, "—");
    if (us < S)
        scaled(text, us, MS, " ms");
    else if (us < MINUTE)
        scaled(text, us, S, " s");
    else if (us < HOUR)
        snprintf(text, FORMAT_MAX, "%dm%02ds", (int)(us / MINUTE), (int)(us % MINUTE / S));
    else if (us < DAY)
        snprintf(text, FORMAT_MAX, "%dh%02dm", (int)(us / HOUR), (int)(us % HOUR / MINUTE));
    else
        snprintf(text, FORMAT_MAX, "%lldd%02dh", (long long)(us / DAY), (int)(us % DAY / HOUR));
    return text;
}

const char *format_short(int64_t us, char text[FORMAT_MAX])
{
    if (us < 0)
        return put(text, "—");
    if (us < MS)
        return put(text, us == 0 ? "0ms" : "<1ms");
    if (us < S)
        snprintf(text, FORMAT_MAX, "%dms", (int)(us / MS));
    else if (us < MINUTE)
        scaled(text, us, S, "s");
    else if (us < HOUR)
        snprintf(text, FORMAT_MAX, "%dm", (int)(us / MINUTE));
    else if (us < DAY)
        snprintf(text, FORMAT_MAX, "%dh%02d", (int)(us / HOUR), (int)(us % HOUR / MINUTE));
    else
        snprintf(text, FORMAT_MAX, "%lldd", (long long)(us / DAY));
    return text;
}

const char *format_elapsed(int64_t us, char text[FORMAT_MAX])
{
    if (us < 0)
        return put(text, "—");
    if (us < HOUR)
        snprintf(text, FORMAT_MAX, "%d:%02d", (int)(us / MINUTE), (int)(us % MINUTE / S));
    else
        snprintf(text, FORMAT_MAX, "%lld:%02d:%02d", (long long)(us / HOUR), (int)(us % HOUR / MINUTE),
                 (int)(us % MINUTE / S));
    return text;
}

const char *format_count(int64_t n, char text[FORMAT_MAX])
{
    if (n < 0)
        return put(text, "—");
    if (n < 1000)
        snprintf(text, FORMAT_MAX, "%d", (int)n);
    else if (n < 1000000)
        scaled(text, n, 1000, "k");
    else if (n < 1000000000)
        scaled(text, n, 1000000, "M");
    else
        scaled(text, n, 1000000000, "G");
    return text;
}

const char *format_bytes(int64_t n, char text[FORMAT_MAX])
{
    static const char *const units[] = {" kB", " MB", " GB", " TB", " PB"};
    int64_t unit = 1024;
    size_t i = 0;

    if (n < 0)
        return put(text, "—");
    if (n < 1024)
        snprintf(text, FORMAT_MAX, "%d B", (int)n);
    else {
        while (i + 1 < sizeof units / sizeof *units && n / unit >= 1024) {
            unit *= 1024;
            i++;
        }
        /* halves keep the product small enough for any n */
        scaled(text, n / 512, unit / 512, units[i]);
    }
    return text;
}

const char *format_grouped(int64_t n, char text[FORMAT_MAX])
{
    char digits[FORMAT_MAX];
    int len, out = 0;

    if (n < 0)
        return put(text, "—");
    len = snprintf(digits, sizeof digits, "%lld", (long long)n);
    for (int i = 0; i < len && out < FORMAT_MAX - 2; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            text[out++] = ',';
        text[out++] = digits[i];
    }
    text[out] = '\0';
    return text;
}

/* A time that is not known is 0 or less: it must not become a date of 1970. */
static bool utc(int64_t wall_us, struct tm *ret_tm)
{
    time_t seconds = (time_t)(wall_us / S);

    return wall_us > 0 && gmtime_r(&seconds, ret_tm);
}

const char *format_clock(int64_t wall_us, char text[FORMAT_MAX])
{
    struct tm tm;

    if (!utc(wall_us, &tm) || strftime(text, FORMAT_MAX, "%H:%M:%SZ", &tm) == 0)
        return put(text, "—");
    return text;
}

const char *format_time(int64_t wall_us, char text[FORMAT_MAX])
{
    struct tm tm;

    if (!utc(wall_us, &tm) || strftime(text, FORMAT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return put(text, "—");
    return text;
}

const char *format_words(char *text)
{
    for (char *c = strchr(text, '_'); c; c = strchr(c, '_'))
        *c = ' ';
    return text;
}

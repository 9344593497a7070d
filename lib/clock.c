#include "lib/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

const char *clock_format_utc(int64_t wall_us, char *text, int size)
{
    time_t seconds = (time_t)(wall_us / US_PER_S);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    if (strftime(text, (size_t)size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        text[0] = '\0';
    return text;
}

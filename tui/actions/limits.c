#include "actions/limits.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "lib/utf8.h"
#include "widgets/format.h"

#define NUMBER_MAX INT64_C(1000000000000)
#define MEGABYTE INT64_C(1000000)

/* Units by their name: what is limited, and in what. */
static const struct {
    const char *unit, *key;
    int64_t times;
} units[] = {
    {"", "max_bulk_copy_rate", 1},           {"/s", "max_bulk_copy_rate", 1},
    {"events", "max_bulk_copy_rate", 1},     {"events/s", "max_bulk_copy_rate", 1},
    {"MB", "max_bulk_copy_bytes", MEGABYTE}, {"MB/s", "max_bulk_copy_bytes", MEGABYTE},
    {"worker", "copy_workers", 1},           {"workers", "copy_workers", 1},
};

bool limits_parse(const char *typed, char ret_changes[LIMITS_JSON_MAX])
{
    char *end;
    long long number;

    if (fold_equal(typed, "none")) {
        text_copy(ret_changes, LIMITS_JSON_MAX, TMV_NO_LIMITS);
        return true;
    }
    errno = 0;
    number = strtoll(typed, &end, 10);
    if (end == typed || errno != 0 || number < 0 || number > NUMBER_MAX)
        return false;
    end += strspn(end, " ");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (!fold_equal(end, units[i].unit))
            continue;
        snprintf(ret_changes, LIMITS_JSON_MAX, "{\"%s\":%lld}", units[i].key,
                 (long long)(number * units[i].times));
        return true;
    }
    return false;
}

/* In the units that limits are given in. */
static void rate_words(int64_t rate, const char *unit, const char *none, char text[FORMAT_MAX + 16])
{
    char number[FORMAT_MAX];

    if (rate > 0)
        snprintf(text, FORMAT_MAX + 16, "%s %s/s", format_grouped(rate, number), unit);
    else
        text_copy(text, FORMAT_MAX + 16, none);
}

void limits_words(const struct tmv_settings *s, char *text, size_t size)
{
    char events[FORMAT_MAX + 16], bytes[FORMAT_MAX + 16];
    bool megabytes = s->max_bulk_copy_bytes % MEGABYTE == 0;
    bool held = s->throttle_replica_lag_ms > 0 || s->throttle_connections > 0 ||
                s->throttle_file[0] != '\0' || s->throttle_query[0] != '\0';

    rate_words(s->max_bulk_copy_rate, "events", "any number of events", events);
    rate_words(megabytes ? s->max_bulk_copy_bytes / MEGABYTE : s->max_bulk_copy_bytes,
               megabytes ? "MB" : "bytes", "of any size", bytes);
    snprintf(text, size, "%s, %s, %d worker%s%s", events, bytes, s->copy_workers,
             s->copy_workers == 1 ? "" : "s", held ? ", held while a condition says so" : "");
}

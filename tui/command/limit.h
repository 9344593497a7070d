/* The limits of a migration as options: of `start`, and of `limit` while it runs. */
#pragma once

#include "cli/cli.h"

#define LIMIT_NOT_GIVEN INT64_MIN

struct limit_arguments {
    int64_t max_rate, max_mb, workers;
    int64_t throttle_lag_us, throttle_connections, throttle_above;
    const char *throttle_file, *throttle_query; /* NULL: not given; "none" takes it back */
};
#define LIMIT_DEFAULTS                                                                                       \
    {                                                                                                        \
        .max_rate = LIMIT_NOT_GIVEN, .max_mb = LIMIT_NOT_GIVEN, .workers = LIMIT_NOT_GIVEN,                  \
        .throttle_lag_us = LIMIT_NOT_GIVEN, .throttle_connections = LIMIT_NOT_GIVEN,                         \
        .throttle_above = LIMIT_NOT_GIVEN                                                                    \
    }

#define LIMIT_AT(base, member) ((base) + offsetof(struct limit_arguments, member))
/* `base`: offset of the struct limit_arguments in the command's own. */
#define LIMIT_OPTIONS(base)                                                                                  \
    OPT_INTEGER("max-rate", 0, LIMIT_AT(base, max_rate), "EVENTS", 0, 1000000000,                            \
                "copy at most this many events per second; 0: as fast as it goes, which is the default"),    \
        OPT_INTEGER("max-mb", 0, LIMIT_AT(base, max_mb), "MB", 0, 1000000,                                   \
                    "copy at most this many megabytes per second; 0: as fast as it goes"),                   \
        OPT_INTEGER("workers", 0, LIMIT_AT(base, workers), "N", 1, 16,                                       \
                    "connections that copy in parallel; 2 otherwise"),                                       \
        OPT_DURATION("throttle-lag", 0, LIMIT_AT(base, throttle_lag_us), "TIME", 0, INT64_C(86400000000),    \
                     "hold the copy while a standby of the source is further behind; 0: no matter"),         \
        OPT_INTEGER("throttle-connections", 0, LIMIT_AT(base, throttle_connections), "N", 0, 1000000,        \
                    "hold the copy while more sessions are active on the source; 0: no matter"),             \
        OPT_TEXT("throttle-file", 0, LIMIT_AT(base, throttle_file), "PATH", TMV_PATH_MAX - 1, COMPLETE_FILE, \
                 "hold the copy while this file exists on the engine's machine; none: no file"),             \
        OPT_TEXT("throttle-query", 0, LIMIT_AT(base, throttle_query), "SQL", TMV_QUERY_MAX - 1,              \
                 COMPLETE_NOTHING,                                                                           \
                 "hold the copy while this query on the source says true, or more than --throttle-above; "   \
                 "none: no query"),                                                                          \
        OPT_INTEGER("throttle-above", 0, LIMIT_AT(base, throttle_above), "NUMBER", -1000000000000,           \
                    1000000000000, "the number that --throttle-query may say; 0 otherwise")

/* The limits that were given, as tmv_settings_change takes them; the caller deletes it. */
cJSON *limit_changes(const struct limit_arguments *arguments);

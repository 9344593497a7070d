/* Time as int64_t microseconds. Code asks a clock that it was given, so tests can move time. Durations and
 * deadlines use the monotonic clock; wall time appears only at the edges, and times that two machines must
 * agree on come from a database.
 */
#pragma once

#include <stdint.h>

#define US_PER_MS INT64_C(1000)
#define US_PER_S INT64_C(1000000)

/* Monotonic microseconds of this machine. */
int64_t clock_now_us(void);
/* Microseconds since 1970 UTC. */
int64_t clock_wall_us(void);
/* 2026-11-22T14:02:31Z; `size` ≥ 21. Returns `text`. */
const char *clock_format_utc(int64_t wall_us, char *text, int size);

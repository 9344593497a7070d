/* Numbers as people read them. Durations are microseconds, times microseconds since 1970 in UTC. */
#pragma once

#include <stdint.h>

#define FORMAT_MAX 32

/* 0.4 ms, 12 ms, 3.2 s, 41 s, 2m10s, 1h52m; — for negative (unknown). All return `text`. */
const char *format_duration(int64_t us, char text[FORMAT_MAX]);
/* As above but without the space and the second unit: for columns. */
const char *format_short(int64_t us, char text[FORMAT_MAX]);
/* 0:02, 4:10, 1:52:07: how long a phase took. */
const char *format_elapsed(int64_t us, char text[FORMAT_MAX]);
/* 840, 1.2k, 98k, 3.1M; — for negative. */
const char *format_count(int64_t n, char text[FORMAT_MAX]);
/* 512 B, 1.2 kB, 98 MB, 3.1 GB (of 1024); — for negative. */
const char *format_bytes(int64_t n, char text[FORMAT_MAX]);
/* 31,204,118; — for negative. */
const char *format_grouped(int64_t n, char text[FORMAT_MAX]);
/* 14:02:31Z; — for 0 and less (unknown) */
const char *format_clock(int64_t wall_us, char text[FORMAT_MAX]);
/* 2026-11-22T14:02:31Z; — for 0 and less (unknown) */
const char *format_time(int64_t wall_us, char text[FORMAT_MAX]);
/* A name's underscores become blanks, in place; returns `text`. */
const char *format_words(char *text);

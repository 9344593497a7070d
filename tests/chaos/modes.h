/* What the program can do; each mode prints what it found and returns whether all was well. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct chaos_options {
    int parallel;       /* cases at a time */
    unsigned seed;      /* of everything that is drawn */
    size_t sample;      /* iterate over so many cases only; 0: all */
    const char *faults; /* "exit,cut": these only; NULL all */
    const char *points; /* beginning of the points' names; NULL all */
};

/* Every fault point with every fault. */
bool chaos_iterate(const struct chaos_options *options);

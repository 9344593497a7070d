/* What the program can do; each mode prints what it found and returns whether all was well. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chaos_options {
    int parallel;       /* cases at a time */
    unsigned seed;      /* of everything that is drawn */
    size_t sample;      /* iterate over so many cases only; 0: all */
    size_t outside;     /* and over so many more, of what happens from outside; 0: of what `faults` names */
    size_t changes;     /* and over so many more, of what somebody changes; 0: of what `faults` names */
    const char *faults; /* "exit,cut": these only; NULL all */
    const char *points; /* beginning of the points' names; NULL all */
    int64_t soak_us;    /* soak for so long; 0: no soak */
    bool known;         /* each of the known seeds for so long instead of `seed` */
    size_t cutovers;    /* do so many cutovers; 0: none */
    bool mutants;
};

/* Every fault point with every fault. */
bool chaos_iterate(const struct chaos_options *options);
/* Everything at random for some minutes. */
bool chaos_soak(const struct chaos_options *options);
/* Many cutovers under load, and their pauses. */
bool chaos_cutovers(const struct chaos_options *options);
/* Every known bug must be found. */
bool chaos_mutants(const struct chaos_options *options);

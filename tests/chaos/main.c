/* Chaos: what becomes of a migration when everything that can fail does. tests/README.md lists
 * the calls. */
#include "test.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "chaos/modes.h"
#include "support/support.h"

static void usage(void)
{
    puts("usage: chaos [--sample N] [--outside N] [--changes N] [--seed S] [--faults LIST] [--points PREFIX] "
         "[--parallel "
         "P]\n"
         "       chaos --minutes N | --seconds N [--seed S | --known-seeds]\n"
         "       chaos --cutovers N [--parallel P]\n"
         "       chaos --mutants\n"
         "--faults: exit, stop, error, cut, lose; from outside: crash-source, crash-target, delay, stall,\n"
         "cut-all, half-close, silence; changes of a store: column-source, column-target, column-both,\n"
         "sequence-back, sequence-jump, sequence-cache, sequence-increment, function, triggers,\n"
         "partition-both, partition-late, partition-rows");
}

static bool parse(int argc, char **argv, struct chaos_options *o)
{
    static const struct option longs[] = {
        {"sample", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'},
        {"faults", required_argument, NULL, 'f'},
        {"points", required_argument, NULL, 'p'},
        {"parallel", required_argument, NULL, 'j'},
        {"minutes", required_argument, NULL, 'm'},
        {"seconds", required_argument, NULL, 'e'},
        {"cutovers", required_argument, NULL, 'c'},
        {"known-seeds", no_argument, NULL, 'k'},
        {"mutants", no_argument, NULL, 'u'},
        {"outside", required_argument, NULL, 'o'},
        {"changes", required_argument, NULL, 'g'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (c) {
        case 'n':
            o->sample = (size_t)atoi(optarg);
            break;
        case 's':
            o->seed = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'f':
            o->faults = optarg;
            break;
        case 'p':
            o->points = optarg;
            break;
        case 'j':
            o->parallel = atoi(optarg);
            break;
        case 'm':
            o->soak_us = atoll(optarg) * 60 * US_PER_S;
            break;
        case 'e':
            o->soak_us = atoll(optarg) * US_PER_S;
            break;
        case 'c':
            o->cutovers = (size_t)atoi(optarg);
            break;
        case 'o':
            o->outside = (size_t)atoi(optarg);
            break;
        case 'g':
            o->changes = (size_t)atoi(optarg);
            break;
        case 'k':
            o->known = true;
            break;
        case 'u':
            o->mutants = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc;
}

int main(int argc, char **argv)
{
    struct chaos_options options = {.parallel = 4, .seed = 1};

#ifndef TMV_FAULT_POINTS
    puts("chaos needs a build with -Dfault_points=true");
    return 77; /* meson: skipped */
#endif
    if (!parse(argc, argv, &options)) {
        usage();
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (support_setup(NULL) != 0)
        return 1;
    bool ok = options.soak_us    ? chaos_soak(&options)
              : options.cutovers ? chaos_cutovers(&options)
              : options.mutants  ? chaos_mutants(&options)
                                 : chaos_iterate(&options);
    support_teardown(NULL);
    return ok ? 0 : 1;
}

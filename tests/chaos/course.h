/* One migration from its start to its end, with a fault on the way: what operators ask for, which worker
 * meets which fault, and everything that must hold afterwards. */
#pragma once

#include "chaos/jobs.h"
#include "chaos/writers.h"

#define COURSE_STEPS_MAX 6

struct scenario {
    const char *name;
    /* Faults of the workers before the one that meets the iterated fault: each of them must end by itself. */
    const char *before;
    const char *always; /* faults that the iterated worker meets besides; NULL none */
    enum tmv_operation steps[COURSE_STEPS_MAX];
    size_t step_count;
    const char *only;    /* iterate over points with these beginnings alone ("a. b."); NULL: over all that no
                            earlier scenario covers */
    int streams;         /* of the tenant's history, ten events each */
    bool elsewhere;      /* the control database is not the source's */
    bool while_copying;  /* the steps are asked for during the bulk copy */
    bool ended_by_other; /* another program ends the migration in its tables */
};
const struct scenario *scenarios(size_t *ret_count);

struct course {
    const struct scenario *scenario;
    const char *point;  /* NULL: nothing happens */
    const char *fault;  /* "exit" … */
    const char *mutant; /* a bug that is switched on; NULL none */
    bool standby;       /* the next worker runs before the fault */
    bool every_writer;  /* writers of every kind instead of a few */
};

enum course_figure { COURSE_TAKEOVER_US, COURSE_EVENTS, COURSE_VIOLATIONS };

/* Runs it in a bed of its own; false when a rule was broken, with everything printed. `traced`: where the
 * points are noted that the iterated worker reached; may be NULL. */
bool course_run(const struct course *course, struct job_result *result, bool *traced);

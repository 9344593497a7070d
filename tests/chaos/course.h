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
    bool ended_by_other; /* another program ends the migration in its tables; with `before`: once the worker
                            that meets it is dead */
    bool until_retired;  /* it lasts until the tenant's own triggers are gone */
    const char *change;  /* of a store (chaos/changes.h), made before the first step; NULL none */
    bool hold;           /* the source is kept current after the move, until it is finalized */
    bool unused;         /* nobody has ever written to the source; writers come when it is mirrored */
};
const struct scenario *scenarios(size_t *ret_count);

enum course_writers {
    COURSE_FEW_WRITERS,
    COURSE_EVERY_WRITER, /* of every kind */
    COURSE_ASYNC_WRITERS /* none that waits for the disk, and no neighbour: nobody flushes the log for them */
};

struct course {
    const struct scenario *scenario;
    const char *point; /* NULL: nothing happens */
    /* "exit" …, or what happens from outside (chaos/outside.h), or is changed (chaos/changes.h) */
    const char *fault;
    const char
        *mutant;  /* a bug that is switched on; NULL none. A migration that does not end is judged too */
    bool standby; /* the next worker runs before the fault */
    enum course_writers writers;
};

/* COURSE_RULES: a bit for each rule of the history's that was broken. */
enum course_figure { COURSE_TAKEOVER_US, COURSE_EVENTS, COURSE_RULES };

/* Runs it in a bed of its own; false when a rule was broken, with everything printed. `traced`: where the
 * points are noted that the iterated worker reached; may be NULL. */
bool course_run(const struct course *course, struct job_result *result, bool *traced);

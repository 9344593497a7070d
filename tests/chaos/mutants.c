/* Known bugs, switched on one at a time: each must make the checker find something. A bug that needs luck is
 * given several tries. */
#include "test.h"

#include "chaos/modes.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "chaos/course.h"

#define TRIES 4
#define LIMIT_US (240 * US_PER_S)

struct mutant {
    const char *name;
    const char *scenario; /* in which it does its harm */
    const char *point, *fault;
};
static const struct mutant mutants[] = {
    {"tail.no_holders", "move", NULL, NULL},
    {"tail.no_last_read", "move", NULL, NULL},
};

static bool run_mutant(const void *what, struct job_result *result)
{
    return course_run(what, result, NULL);
}

static const struct scenario *scenario_of(const char *name)
{
    size_t count;
    const struct scenario *all = scenarios(&count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    fail_msg("there is no scenario \"%s\"", name);
    return NULL;
}

static bool is_killed(const struct mutant *m, int parallel)
{
    const struct course course = {.scenario = scenario_of(m->scenario),
                                  .point = m->point,
                                  .fault = m->fault,
                                  .mutant = m->name,
                                  .every_writer = true};
    struct job jobs[TRIES];

    memset(jobs, 0, sizeof jobs);
    for (int i = 0; i < TRIES; i++) {
        jobs[i].what = &course;
        snprintf(jobs[i].name, sizeof jobs[i].name, "mutant %s, as it should", m->name);
    }
    jobs_run(jobs, TRIES, parallel, LIMIT_US, run_mutant);
    /* A run that fails in another way has found nothing. */
    for (int i = 0; i < TRIES; i++)
        if (jobs[i].result->figures[COURSE_VIOLATIONS] > 0)
            return true;
    return false;
}

bool chaos_mutants(const struct chaos_options *options)
{
    size_t survived = 0;

    beds_prepare(false);
    for (size_t i = 0; i < ARRAY_LEN(mutants); i++) {
        bool killed = is_killed(&mutants[i], options->parallel);

        printf("mutant %s: %s\n", mutants[i].name, killed ? "killed" : "SURVIVED");
        survived += !killed;
    }
    printf("%zu mutants, %zu survived\n", ARRAY_LEN(mutants), survived);
    return survived == 0;
}

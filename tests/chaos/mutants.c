/* Known bugs, switched on one at a time: each must make the checker find something. A bug that needs luck is
 * given several tries. */
#include "test.h"

#include "chaos/modes.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "chaos/course.h"

#define TRIES 4
#define LIMIT_US (240 * US_PER_S)

struct mutant {
    const char *name;
    const char *scenario; /* in which it does its harm */
    const char *point, *fault;
    enum course_writers writers;
    int64_t rules; /* any of which finds it */
};

#define RULE(r) (INT64_C(1) << (r))
/* An acknowledged event that the copy lacks: after the move it is lost; before, the verification may have
 * refused the cutover. */
#define SKIPPED (RULE(HISTORY_LOST) | RULE(HISTORY_DIFFERENT))

/* All that core/ has a switch for: tests/model/check.py compares. */
static const struct mutant mutants[] = {
    {"tail.no_holders", "move", NULL, NULL, COURSE_EVERY_WRITER, SKIPPED},
    {"tail.no_last_read", "move", NULL, NULL, COURSE_EVERY_WRITER, SKIPPED},
    {"tail.v_without_is_called", "a store that nobody wrote to", NULL, NULL, COURSE_FEW_WRITERS, SKIPPED},
    {"tail.not_durable_first", "control elsewhere", "tail.after_commit", "crash-source", COURSE_ASYNC_WRITERS,
     RULE(HISTORY_BEFORE_DECISION)},
    {"resolve.phase_before_fence", "takeover after the decision", NULL, NULL, COURSE_FEW_WRITERS,
     RULE(HISTORY_AUTHORITY)},
    {"ended.phase_before_fence", "ended by another program after the decision", NULL, NULL,
     COURSE_FEW_WRITERS, RULE(HISTORY_AUTHORITY)},
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
                                  .writers = m->writers};
    struct job jobs[TRIES];

    memset(jobs, 0, sizeof jobs);
    for (int i = 0; i < TRIES; i++) {
        jobs[i].what = &course;
        snprintf(jobs[i].name, sizeof jobs[i].name, "mutant %s, as it should", m->name);
    }
    jobs_run(jobs, TRIES, parallel, LIMIT_US, run_mutant);
    /* A run that fails in another way has found nothing. */
    for (int i = 0; i < TRIES; i++)
        if (jobs[i].result->figures[COURSE_RULES] > 0 && (jobs[i].result->figures[COURSE_RULES] & m->rules))
            return true;
    return false;
}

bool chaos_mutants(const struct chaos_options *options)
{
    size_t survived = 0, tried = 0;

    beds_prepare(false);
    for (size_t i = 0; i < ARRAY_LEN(mutants); i++) {
        if (options->points && !text_starts(mutants[i].name, options->points))
            continue;
        tried++;
        bool killed = is_killed(&mutants[i], options->parallel);

        printf("mutant %s: %s\n", mutants[i].name, killed ? "killed" : "SURVIVED");
        survived += !killed;
    }
    printf("%zu mutants, %zu survived\n", tried, survived);
    return survived == 0 && tried > 0;
}

/* Every fault point with every fault. First each scenario runs undisturbed and tells which points it passes;
 * a point belongs to the first scenario that passes it, and one that no scenario passes is a failure: a new
 * point cannot be forgotten. */
#include "test.h"

#include "chaos/modes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/clock.h"
#include "lib/fault.h"
#include "lib/cleanup.h"
#include "lib/text.h"
#include "chaos/changes.h"
#include "chaos/course.h"
#include "chaos/outside.h"

#define SCENARIOS_MAX 32
#define POINTS_MAX 200
#define CASES_MAX 6000
#define FAULTS_MAX 32
#define LIMIT_US (240 * US_PER_S)

static const char *const faults[] = {"exit", "stop", "error", "cut", "lose"};

/* Which scenario passes which point; shared with the processes. */
struct passed {
    bool by[SCENARIOS_MAX][POINTS_MAX];
};
static struct passed *passed;

struct course_case {
    struct course course;
    size_t number; /* of the scenario */
};

static bool run_undisturbed(const void *what, struct job_result *result)
{
    const struct course_case *c = what;

    return course_run(&c->course, result, passed->by[c->number]);
}

static bool run_case(const void *what, struct job_result *result)
{
    const struct course_case *c = what;

    return course_run(&c->course, result, NULL);
}

/* ---- which cases there are ---- */

static bool begins_with_one_of(const char *point, const char *list)
{
    while (*list) {
        size_t length = strcspn(list, " ");

        if (strncmp(point, list, length) == 0)
            return true;
        list += length + (list[length] == ' ');
    }
    return false;
}

static bool contains_word(const char *list, const char *word)
{
    const char *at = strstr(list, word);
    size_t length = strlen(word);

    return at && (at == list || at[-1] == ',') && (at[length] == '\0' || at[length] == ',');
}

static bool covered_before(size_t scenario, size_t point)
{
    size_t count;
    const struct scenario *all = scenarios(&count);

    for (size_t i = 0; i < scenario; i++)
        if (passed->by[i][point] &&
            (!all[i].only || begins_with_one_of(fault_points(&count)[point], all[i].only)))
            return true;
    return false;
}

static size_t discover(const struct scenario *all, size_t scenario_count, int parallel)
{
    struct course_case cases[SCENARIOS_MAX];
    struct job jobs[SCENARIOS_MAX];

    memset(cases, 0, sizeof cases);
    for (size_t i = 0; i < scenario_count; i++) {
        cases[i].course.scenario = &all[i];
        cases[i].number = i;
        jobs[i] = (struct job){.what = &cases[i]};
        snprintf(jobs[i].name, sizeof jobs[i].name, "%s, undisturbed", all[i].name);
    }
    return jobs_run(jobs, scenario_count, parallel, LIMIT_US, run_undisturbed);
}

/* Points that no scenario passes. */
static size_t forgotten(size_t scenario_count)
{
    size_t count, missing = 0;
    const char *const *points = fault_points(&count);

    for (size_t p = 0; p < count; p++) {
        bool any = false;

        for (size_t s = 0; s < scenario_count; s++)
            any = any || passed->by[s][p];
        if (any)
            continue;
        printf("FAILED: no scenario passes the fault point %s\n", points[p]);
        missing++;
    }
    return missing;
}

/* Whether a scenario is the one (or one of those) in which a point is struck. */
static bool belongs_to(size_t scenario, size_t point)
{
    size_t count;
    const struct scenario *s = &scenarios(&count)[scenario];

    if (!passed->by[scenario][point])
        return false;
    return s->only ? begins_with_one_of(fault_points(&count)[point], s->only)
                   : !covered_before(scenario, point);
}

/* Where a fault comes from: the process itself, its surroundings, or somebody who changes a store. */
enum family { OF_PROCESS = 1, OF_SURROUNDINGS = 2, OF_CHANGES = 4, OF_ALL = 7 };

static size_t add_faults(const struct chaos_options *o, const char *const *names, size_t count,
                         const char *ret_chosen[FAULTS_MAX], size_t already)
{
    for (size_t f = 0; f < count; f++) {
        if (o->faults && !contains_word(o->faults, names[f]))
            continue;
        assert_true(already < FAULTS_MAX);
        ret_chosen[already++] = names[f];
    }
    return already;
}

/* The faults of these families (a bit for each) that are iterated over; returns how many. */
static size_t choose_faults(const struct chaos_options *o, int families, const char *ret_chosen[FAULTS_MAX])
{
    size_t outside, changed, count = 0;
    const char *const *from_outside = outside_faults(&outside);
    const char *const *changes = change_faults(&changed);

    if (families & OF_PROCESS)
        count = add_faults(o, faults, ARRAY_LEN(faults), ret_chosen, count);
    if (families & OF_SURROUNDINGS)
        count = add_faults(o, from_outside, outside, ret_chosen, count);
    if (families & OF_CHANGES)
        count = add_faults(o, changes, changed, ret_chosen, count);
    return count;
}

/* One change at a time, and its sessions outlive no server; the indexes of a partitioned target stay. */
static bool fits(const struct scenario *s, const char *fault)
{
    if (s->change)
        return !change_is(fault) && !outside_is(fault);
    return !s->while_copying || !change_is_partitioned(fault);
}

static size_t list_cases(const struct chaos_options *o, int families, struct course_case *cases)
{
    size_t scenario_count, point_count, count = 0;
    const struct scenario *all = scenarios(&scenario_count);
    const char *const *points = fault_points(&point_count);
    const char *chosen[FAULTS_MAX];
    size_t fault_count = choose_faults(o, families, chosen);

    for (size_t s = 0; s < scenario_count; s++) {
        for (size_t p = 0; p < point_count; p++) {
            if (!belongs_to(s, p) || (o->points && !text_starts(points[p], o->points)))
                continue;
            for (size_t f = 0; f < fault_count && count < CASES_MAX; f++)
                if (fits(&all[s], chosen[f]))
                    cases[count++] = (struct course_case){
                        .course = {.scenario = &all[s], .point = points[p], .fault = chosen[f]}, .number = s};
        }
    }
    for (size_t i = 0; i < count; i++)
        /* Not where another fault lets the lease go first: the standby would take it away from the one that
         * is to be struck. */
        cases[i].course.standby = (i / fault_count) % 2 == 1 && !cases[i].course.scenario->always;
    return count;
}

/* Draws so many cases by moving them to the front. */
static size_t draw(unsigned seed, size_t wanted, struct course_case *cases, size_t count)
{
    if (!wanted || wanted >= count)
        return count;
    for (size_t i = 0; i < wanted; i++) {
        size_t k = i + (size_t)rand_r(&seed) % (count - i);
        struct course_case drawn = cases[k];

        cases[k] = cases[i];
        cases[i] = drawn;
    }
    return wanted;
}

/* ---- the sum ---- */

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void print_takeovers(const struct job *jobs, size_t count)
{
    int64_t *all = calloc(count + 1, sizeof *all);
    size_t measured = 0;

    assert_non_null(all);
    for (size_t i = 0; i < count; i++)
        if (jobs[i].result->figures[COURSE_TAKEOVER_US] >= 0)
            all[measured++] = jobs[i].result->figures[COURSE_TAKEOVER_US];
    qsort(all, measured, sizeof *all, by_size);
    if (measured)
        printf("from a kill to the next progress: p50 %" PRId64 " ms, max %" PRId64 " ms, %zu kills\n",
               all[measured / 2] / US_PER_MS, all[measured - 1] / US_PER_MS, measured);
    free(all);
}

static bool run_cases(const struct chaos_options *o, struct course_case *cases, size_t count)
{
    struct job *jobs = calloc(count + 1, sizeof *jobs);
    int64_t events = 0;

    assert_non_null(jobs);
    for (size_t i = 0; i < count; i++) {
        jobs[i].what = &cases[i];
        snprintf(jobs[i].name, sizeof jobs[i].name, "%s: %s=%s%s", cases[i].course.scenario->name,
                 cases[i].course.point, cases[i].course.fault, cases[i].course.standby ? ", standby" : "");
    }
    size_t failed = jobs_run(jobs, count, o->parallel, LIMIT_US, run_case);
    for (size_t i = 0; i < count; i++)
        if (jobs[i].result->figures[COURSE_EVENTS] > 0)
            events += jobs[i].result->figures[COURSE_EVENTS];
    print_takeovers(jobs, count);
    printf("%zu cases, %zu failed, %" PRId64 " events judged\n", count, failed, events);
    free(jobs);
    return failed == 0;
}

/* Draws so many cases of a family besides those that there are. */
static size_t draw_more(const struct chaos_options *o, enum family family, size_t wanted,
                        struct course_case *cases, size_t count)
{
    static struct course_case others[CASES_MAX];

    if (!wanted)
        return count;
    size_t listed = list_cases(o, family, others);
    size_t more = draw(o->seed, wanted, others, listed);
    printf("and %zu of %zu %s\n", more, listed, family == OF_CHANGES ? "changes of a store" : "from outside");
    for (size_t i = 0; i < more && count < CASES_MAX; i++)
        cases[count++] = others[i];
    return count;
}

bool chaos_iterate(const struct chaos_options *options)
{
    static struct course_case cases[CASES_MAX];
    size_t scenario_count, point_count;
    const struct scenario *all = scenarios(&scenario_count);
    int families = options->faults ? OF_ALL : options->sample ? OF_PROCESS : OF_PROCESS | OF_CHANGES;

    fault_points(&point_count);
    assert_true(scenario_count <= SCENARIOS_MAX && point_count <= POINTS_MAX);
    passed = mmap(NULL, sizeof *passed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(passed != MAP_FAILED);
    beds_prepare(false);
    if (discover(all, scenario_count, options->parallel) > 0 || forgotten(scenario_count) > 0)
        return false;
    size_t listed = list_cases(options, families, cases);
    size_t count = draw(options->seed, options->sample, cases, listed);
    printf("%zu fault points, %zu scenarios: %zu cases%s\n", point_count, scenario_count, listed,
           count < listed ? ", of which some are drawn" : "");
    count = draw_more(options, OF_SURROUNDINGS, options->outside, cases, count);
    count = draw_more(options, OF_CHANGES, options->changes, cases, count);
    return count > 0 && run_cases(options, cases, count);
}

/* Runs cases in processes of their own, several at a time, so that a case that fails, hangs or dies takes
 * nothing with it. What a failed case printed, and the ends of its workers' logs, are shown. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOB_FIGURES 8

/* What a case hands back; it stands in memory that the processes share. */
struct job_result {
    int64_t figures[JOB_FIGURES]; /* meaning by the kind of case; -1 none */
    bool failed;
};

struct job {
    char name[200];
    const void *what;          /* for run; borrowed */
    struct job_result *result; /* set by jobs_run */
    bool show;                 /* what it prints is shown when it succeeds, too */
};

/* Results of `count` jobs, zeroed, shared with the processes; never freed. */
struct job_result *jobs_results(size_t count);
/* Runs every job, `parallel` at a time, each for at most limit_us; returns how many failed. A case fails when
 * it returns false or ends in any other way. */
size_t jobs_run(struct job *jobs, size_t count, int parallel, int64_t limit_us,
                bool (*run)(const void *what, struct job_result *result));

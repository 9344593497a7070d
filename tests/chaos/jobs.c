#include "test.h"

#include "chaos/jobs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/stop.h"
#include "support/support.h"

#define PARALLEL_MAX 16
#define TAIL_BYTES 3000

struct slot {
    pid_t pid;
    struct job *job;
    int64_t until_us;
    char output[300];
};

struct job_result *jobs_results(size_t count)
{
    void *shared = mmap(NULL, (count + 1) * sizeof(struct job_result), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(shared != MAP_FAILED);
    return shared;
}

static void show_end(const char *path, const char *title)
{
    FILE *file = fopen(path, "re");
    char text[TAIL_BYTES + 1];
    long size;

    if (!file)
        return;
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) > 0 &&
        fseek(file, size > TAIL_BYTES ? size - TAIL_BYTES : 0, SEEK_SET) == 0) {
        text[fread(text, 1, TAIL_BYTES, file)] = '\0';
        printf("  --- %s\n%s\n", title, text);
    }
    fclose(file);
}

static void finish(struct slot *slot, int status)
{
    char path[300], title[40];

    slot->job->result->failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    if (slot->job->result->failed) {
        printf("FAILED: %s (%s %d)\n", slot->job->name, WIFEXITED(status) ? "exit code" : "signal",
               WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
        show_end(slot->output, "what it printed");
        for (int i = 0; i < 4; i++) {
            snprintf(path, sizeof path, "%s/worker-%d-%d.log", support_temporary_dir(), (int)slot->pid, i);
            snprintf(title, sizeof title, "worker %d", i);
            show_end(path, title);
        }
    }
    if (!slot->job->result->failed && slot->job->show)
        show_end(slot->output, slot->job->name);
    fflush(stdout);
    slot->pid = 0;
}

static void start(struct slot *slot, int64_t limit_us,
                  bool (*run)(const void *what, struct job_result *result))
{
    static int started;
    pid_t parent = getpid();

    snprintf(slot->output, sizeof slot->output, "%s/case-%d", support_temporary_dir(), ++started);
    slot->until_us = clock_now_us() + limit_us;
    fflush(NULL);
    slot->pid = fork();
    assert_true(slot->pid >= 0);
    if (slot->pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || !freopen(slot->output, "w", stdout) || dup2(1, 2) < 0)
        _exit(2);
    setvbuf(stdout, NULL, _IOLBF, 0);
    bool ok = run(slot->job->what, slot->job->result);
    fflush(NULL);
    _exit(ok ? 0 : 1);
}

static bool reap(struct slot *slot)
{
    int status = 0;

    if (clock_now_us() > slot->until_us) {
        printf("%s takes too long\n", slot->job->name);
        kill(slot->pid, SIGKILL);
        waitpid(slot->pid, &status, 0);
    } else if (waitpid(slot->pid, &status, WNOHANG) != slot->pid) {
        return false;
    }
    finish(slot, status);
    return true;
}

size_t jobs_run(struct job *jobs, size_t count, int parallel, int64_t limit_us,
                bool (*run)(const void *what, struct job_result *result))
{
    struct job_result *results = jobs_results(count);
    struct slot slots[PARALLEL_MAX] = {{0}};
    size_t next = 0, done = 0, failed = 0;

    for (size_t i = 0; i < count; i++) {
        jobs[i].result = &results[i];
        for (int k = 0; k < JOB_FIGURES; k++)
            results[i].figures[k] = -1;
    }
    parallel = parallel < 1 ? 1 : parallel > PARALLEL_MAX ? PARALLEL_MAX : parallel;
    while (done < count) {
        for (int i = 0; i < parallel; i++) {
            if (slots[i].pid && reap(&slots[i])) {
                done++;
                failed += slots[i].job->result->failed;
            }
            if (!slots[i].pid && next < count) {
                slots[i].job = &jobs[next++];
                start(&slots[i], limit_us, run);
            }
        }
        stop_sleep(NULL, 10 * US_PER_MS);
    }
    return failed;
}

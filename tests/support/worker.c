#include "test.h"

#include "support/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "support/life.h"
#include "support/spawn.h"

pid_t worker_start(const char *name, const char *fault)
{
    const char *const argv[] = {getenv("TENANTMV_PROGRAM"), "worker", "--control", l.control, "--name",
                                name ? name : "worker",     NULL};
    char variable[200];
    const char *const environment[] = {variable, NULL};

    snprintf(variable, sizeof variable, "TENANTMV_FAULT%s%s", fault ? "=" : "", fault ? fault : "");
    const struct spawn spec = {.argv = argv,
                               .environment = environment,
                               .err = getenv("TENANTMV_TEST_VERBOSE") ? NULL : "/dev/null"};
    return spawn_program(&spec);
}

bool worker_has_exited(pid_t pid)
{
    int status = 0;

    if (waitpid(pid, &status, WNOHANG) != pid)
        return false;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), WORKER_FAULT_EXIT);
    return true;
}

bool worker_is_stopped(pid_t pid)
{
    char path[40], line[400] = "";
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    assert_non_null(file);
    const char *after = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    return after && after[1] == ' ' && after[2] == 'T';
}

void worker_wait_until_stopped(pid_t pid)
{
    for (int64_t until = clock_now_us() + 60 * US_PER_S; !worker_is_stopped(pid); stop_sleep(NULL, US_PER_MS))
        assert_true(clock_now_us() < until);
}

void worker_continue(pid_t pid)
{
    assert_int_equal(kill(pid, SIGCONT), 0);
}

static void end_by(pid_t pid, int signal)
{
    assert_int_equal(kill(pid, signal), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

void worker_kill(pid_t pid)
{
    end_by(pid, SIGKILL);
}

void worker_end(pid_t pid)
{
    end_by(pid, SIGTERM);
}

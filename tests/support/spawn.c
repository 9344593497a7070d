#include "test.h"

#include "support/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/cleanup.h"

static bool names_variable(const char *change, const char *entry)
{
    size_t length = strcspn(change, "=");

    return strncmp(change, entry, length) == 0 && entry[length] == '=';
}

static bool is_changed(const char *const *changes, const char *entry)
{
    for (; changes && *changes; changes++)
        if (names_variable(*changes, entry))
            return true;
    return false;
}

static size_t length_of(const char *const *list)
{
    size_t count = 0;

    while (list && list[count])
        count++;
    return count;
}

/* This process's variables with the changes; the list is the caller's, its texts are not. */
static const char **changed_environment(const char *const *changes)
{
    const char *const *now = (const char *const *)environ;
    const char **result = calloc(length_of(now) + length_of(changes) + 1, sizeof *result);
    size_t count = 0;

    assert_non_null(result);
    for (; *now; now++)
        if (!is_changed(changes, *now))
            result[count++] = *now;
    for (; changes && *changes; changes++)
        if (strchr(*changes, '='))
            result[count++] = *changes;
    return result;
}

static int open_output(const char *path)
{
    if (!path)
        return -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

pid_t spawn_program(const struct spawn *spec)
{
    AUTO_FREE const char **environment = changed_environment(spec->environment);
    int out = open_output(spec->out), err = open_output(spec->err);
    pid_t parent = getpid(), pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nothing behind */
        if (getppid() == parent && (out < 0 || dup2(out, 1) == 1) && (err < 0 || dup2(err, 2) == 2))
            execve(spec->argv[0], (char *const *)(uintptr_t)spec->argv,
                   (char *const *)(uintptr_t)environment);
        _exit(127);
    }
    if (out >= 0)
        close(out);
    if (err >= 0)
        close(err);
    return pid;
}

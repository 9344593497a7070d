#include "demo/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/text.h"

static char *const environment[] = {
    (char[]){"PATH=/usr/local/bin:/usr/bin:/bin"},
    (char[]){"LC_ALL=C"},
    (char[]){"TZ=UTC"},
    (char[]){"PGCONNECT_TIMEOUT=20"},
    NULL,
};

char *const *process_environment(void)
{
    return environment;
}

bool run_user_find(struct run_user *ret_user, struct tmv_error *err)
{
    static const char *const names[] = {"postgres", "nobody"};
    char space[4096];
    struct passwd entry, *found = NULL;

    memset(ret_user, 0, sizeof *ret_user);
    ret_user->uid = geteuid();
    ret_user->gid = getegid();
    snprintf(ret_user->name, sizeof ret_user->name, "uid %u", (unsigned)geteuid());
    if (geteuid() != 0)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (getpwnam_r(names[i], &entry, space, sizeof space, &found) == 0 && found && entry.pw_uid != 0) {
            ret_user->drop = true;
            ret_user->uid = entry.pw_uid;
            ret_user->gid = entry.pw_gid;
            text_copy(ret_user->name, sizeof ret_user->name, names[i]);
            return true;
        }
    }
    err_set(err, TMV_ERR_REFUSED,
            "PostgreSQL does not run as root, and neither the user postgres nor the user nobody exists");
    return err_hint(err, "Run this as an ordinary user, or install the package postgresql, which makes one.");
}

bool run_user_become(const struct run_user *user)
{
    if (!user || !user->drop)
        return true;
    return setgroups(1, &user->gid) == 0 && setgid(user->gid) == 0 && setuid(user->uid) == 0;
}

int process_watch(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* 1: `watch_fd` is readable, 0: time is up, -1: `cancel_fd` is. */
static int wait_readable(int watch_fd, int cancel_fd, int64_t timeout_us)
{
    struct pollfd fds[2] = {{.fd = watch_fd, .events = POLLIN}, {.fd = cancel_fd, .events = POLLIN}};
    int64_t end = clock_now_us() + timeout_us;

    for (;;) {
        int64_t left = end - clock_now_us();
        int ready = poll(fds, 2, left <= 0 ? 0 : (int)((left + 999) / 1000));

        if (ready > 0 && fds[0].revents)
            return 1;
        if (ready > 0)
            return -1;
        if (ready == 0 && left <= 0)
            return 0;
    }
}

bool process_wait_end(int watch_fd, int64_t timeout_us)
{
    return watch_fd < 0 || wait_readable(watch_fd, -1, timeout_us) == 1;
}

/* Files in memory stand in for pipes: neither side can block on the other. */
static int text_file(const char *text)
{
    int fd = memfd_create("tenantmv", MFD_CLOEXEC);
    size_t left = text ? strlen(text) : 0;

    while (fd >= 0 && left > 0) {
        ssize_t n = write(fd, text, left);
        if (n <= 0) {
            close(fd);
            return -1;
        }
        text += n;
        left -= (size_t)n;
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

static char *read_file(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    size_t take = size > PROCESS_OUTPUT_MAX ? PROCESS_OUTPUT_MAX : (size_t)size;
    char *text = malloc(take + 1);
    ssize_t n;

    if (!text)
        return NULL;
    n = pread(fd, text, take, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* Only system calls from here to exec: another thread may hold any lock. */
static void child_main(const struct process_spec *spec, const int fds[3], pid_t parent)
{
    sigset_t none;

    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], i) < 0)
            _exit(126);
    if (!run_user_become(spec->user) || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(126);
    if (chdir(spec->directory ? spec->directory : "/") != 0)
        _exit(126);
    execvpe(spec->argv[0], (char *const *)(uintptr_t)spec->argv, environment);
    _exit(127);
}

/* The line that says what went wrong: the first that is called an error, or else the last. */
static const char *telling_line(char *text)
{
    static const char *const marks[] = {"ERROR:", "FATAL:", "error:"};
    size_t n = strlen(text);
    char *line, *found = NULL;

    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
        text[--n] = '\0';
    for (size_t i = 0; i < sizeof marks / sizeof *marks && !found; i++)
        found = strstr(text, marks[i]);
    if (found) {
        found[strcspn(found, "\n")] = '\0';
        return found;
    }
    line = strrchr(text, '\n');
    return line ? line + 1 : text;
}

static bool judge(const struct process_spec *spec, int waited, int status, int stderr_fd,
                  struct tmv_error *err)
{
    AUTO_FREE char *text = NULL;

    if (waited == 0)
        return err_set(err, TMV_ERR_TIMEOUT, "%s took longer than %lld s", spec->argv[0],
                       (long long)(spec->timeout_us / 1000000));
    if (waited < 0)
        return err_set(err, TMV_ERR_CANCELLED, "stopped while %s ran", spec->argv[0]);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return err_set(err, TMV_ERR_IO, "%s could not be executed", spec->argv[0]);
    text = read_file(stderr_fd);
    err_set(err, TMV_ERR_IO, "%s failed (%s %d): %.500s", spec->argv[0],
            WIFEXITED(status) ? "status" : "signal",
            WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), text ? telling_line(text) : "");
    return false;
}

static bool run_with_files(const struct process_spec *spec, const int fds[3], struct tmv_error *err)
{
    pid_t parent = getpid(), pid = fork();
    int watch_fd, waited, status = 0;

    if (pid < 0)
        return err_errno(err, "fork");
    if (pid == 0)
        child_main(spec, fds, parent);
    watch_fd = process_watch(pid);
    waited = watch_fd < 0 ? 0 : wait_readable(watch_fd, spec->cancel_fd, spec->timeout_us);
    if (waited != 1)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (watch_fd >= 0)
        close(watch_fd);
    return judge(spec, waited, status, fds[2], err);
}

bool process_run(const struct process_spec *spec, char **ret_output, struct tmv_error *err)
{
    int fds[3] = {text_file(spec->input), text_file(NULL), text_file(NULL)};
    bool ok = fds[0] >= 0 && fds[1] >= 0 && fds[2] >= 0;

    if (!ok)
        err_errno(err, "memory file for %s", spec->argv[0]);
    ok = ok && run_with_files(spec, fds, err);
    if (ok && ret_output) {
        *ret_output = read_file(fds[1]);
        if (!*ret_output)
            ok = err_set(err, TMV_ERR_NOMEM, "no memory for the output of %s", spec->argv[0]);
    }
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return ok;
}

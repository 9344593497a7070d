#include "demo/reaper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

#define GRACE_US 5000000       /* for an immediate shutdown, before SIGKILL */
#define GRACE_KEPT_US 25000000 /* for a clean one */
#define WORDS_MAX 60

struct reaper {
    const struct reaper_setup *setup;
    int watched[REAPER_SERVERS_MAX]; /* pidfds of servers; -1 free */
};

/* A file system that somebody mounted in here is detached, never emptied. False when it stays. */
static bool is_ours(int parent, const char *name, int fd)
{
    char path[300];
    struct stat inside, outside;

    if (fstat(fd, &inside) != 0)
        return false;
    if (parent == AT_FDCWD || (fstat(parent, &outside) == 0 && inside.st_dev == outside.st_dev))
        return true;
    snprintf(path, sizeof path, "/proc/self/fd/%d/%.200s", parent, name);
    umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
    return false; /* what was below the mount is looked at in the next round */
}

static bool remove_entry(int parent, const char *name)
{
    DIR *dir;
    const struct dirent *entry;
    int fd;
    bool ok = true;

    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return true;
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    dir = fd >= 0 && is_ours(parent, name, fd) ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = remove_entry(dirfd(dir), entry->d_name) && ok;
    closedir(dir);
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 && ok;
}

bool reaper_remove_tree(const char *path)
{
    struct stat st;

    for (int i = 0; i < 50; i++) { /* a server's last process may still be writing its last file */
        struct timespec pause = {.tv_nsec = 20000000};

        if (remove_entry(AT_FDCWD, path) && lstat(path, &st) != 0)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

static _Noreturn void server_main(const struct reaper *reaper, char **words, pid_t parent)
{
    int log_fd = open(words[0], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    if (log_fd < 0 || dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
        _exit(126);
    /* after setuid, which clears the setting; the reaper may have ended before it */
    if (!run_user_become(&reaper->setup->user) || prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0 ||
        getppid() != parent)
        _exit(126);
    setsid();
    execve(words[1], words + 1, process_environment());
    _exit(127);
}

static int32_t start_server(struct reaper *reaper, char *request, size_t length)
{
    char *words[WORDS_MAX + 1];
    size_t count = 0;
    pid_t parent = getpid(), pid;
    int slot = 0;

    for (char *p = request; p < request + length && count < WORDS_MAX; p += strlen(p) + 1)
        words[count++] = p;
    words[count] = NULL;
    while (slot < REAPER_SERVERS_MAX && reaper->watched[slot] >= 0 &&
           !process_wait_end(reaper->watched[slot], 0))
        slot++;
    if (count < 2 || slot == REAPER_SERVERS_MAX)
        return -E2BIG;
    if (reaper->watched[slot] >= 0)
        close(reaper->watched[slot]);
    pid = fork();
    if (pid == 0)
        server_main(reaper, words, parent);
    if (pid < 0)
        return -errno;
    reaper->watched[slot] = process_watch(pid);
    return pid;
}

static void signal_servers(const struct reaper *reaper, int sig, int64_t grace_us)
{
    int64_t end = clock_now_us() + grace_us;

    for (int i = 0; i < REAPER_SERVERS_MAX; i++)
        if (reaper->watched[i] >= 0)
            syscall(SYS_pidfd_send_signal, reaper->watched[i], sig, NULL, 0);
    for (int i = 0; i < REAPER_SERVERS_MAX; i++)
        process_wait_end(reaper->watched[i], end - clock_now_us());
}

/* Standard streams away from the terminal or pipe that the program was given, everything else closed. */
static void let_go_of_descriptors(int keep)
{
    int null = open("/dev/null", O_RDWR);

    for (int i = 0; i < 3; i++)
        dup2(null, i);
    for (int fd = 3; fd < 4096; fd++)
        if (fd != keep)
            close(fd);
}

_Noreturn void reaper_main(const struct reaper_setup *setup)
{
    struct reaper reaper = {.setup = setup};
    static char request[REAPER_REQUEST_MAX + 1];
    ssize_t n;

    prctl(PR_SET_NAME, "tenantmv-reaper");
    setsid();
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN); /* no zombies; the ends are seen through pidfds */
    let_go_of_descriptors(setup->socket);
    if (chdir("/") != 0)
        _exit(1);
    for (int i = 0; i < REAPER_SERVERS_MAX; i++)
        reaper.watched[i] = -1;
    for (;;) {
        n = recv(setup->socket, request, REAPER_REQUEST_MAX, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        request[n] = '\0';
        int32_t answer = start_server(&reaper, request, (size_t)n);
        if (send(setup->socket, &answer, sizeof answer, 0) < 0)
            break;
    }
    if (setup->keep)
        signal_servers(&reaper, SIGINT, GRACE_KEPT_US);
    signal_servers(&reaper, SIGQUIT, GRACE_US);
    signal_servers(&reaper, SIGKILL, GRACE_US);
    _exit(setup->keep || reaper_remove_tree(setup->directory) ? 0 : 1);
}

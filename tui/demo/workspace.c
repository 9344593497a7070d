#include "demo/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo/reaper.h"
#include "lib/err.h"
#include "lib/lock.h"

#define CLOSE_TIMEOUT_US 40000000
#define ANSWER_TIMEOUT_S 10
#define PATH_ROOM 64 /* what a socket's path may hold (107) less the longest thing below the directory */

struct workspace {
    char path[256];
    bool keep;
    int cancel_fd;
    int socket;   /* to the reaper; -1 none */
    pid_t reaper; /* 0 none */
    struct run_user user;
    pthread_mutex_t lock; /* one request at a time */
};

const char *workspace_path(const struct workspace *workspace)
{
    return workspace->path;
}

const struct run_user *workspace_user(const struct workspace *workspace)
{
    return &workspace->user;
}

int workspace_cancel_fd(const struct workspace *workspace)
{
    return workspace->cancel_fd;
}

/* Whether the user of the servers can reach a directory: only trying it as that user takes all of modes, ACLs
 * and mount options into account. */
static bool is_reachable(const struct run_user *user, const char *path)
{
    const char *const argv[] = {"test", "-x", path, NULL};
    struct process_spec spec = {.argv = argv, .user = user, .timeout_us = 10000000, .cancel_fd = -1};
    struct tmv_error ignored = {0};

    return process_run(&spec, NULL, &ignored);
}

static bool give_to_user(const struct run_user *user, const char *path, struct tmv_error *err)
{
    if (user->drop && chown(path, user->uid, user->gid) != 0)
        return err_errno(err, "chown %s", path);
    return true;
}

/* The path goes into connection strings, settings and scripts: only characters that need no quoting in any of
 * them. */
static bool is_plain(const char *path)
{
    return path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-@")] == '\0';
}

static bool make_temporary(struct workspace *w, struct tmv_error *err)
{
    const char *places[] = {getenv("TMPDIR"), "/tmp", "/var/tmp"};

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char real[PATH_MAX];

        if (!places[i] || !places[i][0] || !realpath(places[i], real))
            continue;
        if (strlen(real) + sizeof "/tenantmv-XXXXXX" > PATH_ROOM || !is_plain(real) ||
            !is_reachable(&w->user, real))
            continue;
        snprintf(w->path, sizeof w->path, "%.200s/tenantmv-XXXXXX", real);
        if (mkdtemp(w->path))
            return give_to_user(&w->user, w->path, err) || (rmdir(w->path), false);
        w->path[0] = '\0';
    }
    err_set(err, TMV_ERR_IO,
            "no temporary directory can be used: $TMPDIR, /tmp and /var/tmp are missing, too long, "
            "or closed to user %s",
            w->user.name);
    return err_hint(err, "Set TMPDIR to a short path that every user may enter.");
}

static bool is_empty_dir(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    int count = 0;

    while (dir && (entry = readdir(dir)))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (dir)
        closedir(dir);
    return dir && count == 0;
}

static bool make_kept(struct workspace *w, const char *keep, struct tmv_error *err)
{
    char real[PATH_MAX];

    if (mkdir(keep, 0700) != 0 && errno != EEXIST)
        return err_errno(err, "cannot make %s", keep);
    if (!realpath(keep, real))
        return err_errno(err, "%s", keep);
    if (!is_empty_dir(real))
        return err_set(err, TMV_ERR_REFUSED, "%s is not an empty directory", keep);
    if (!is_plain(real))
        return err_set(err, TMV_ERR_USAGE, "the path %s has characters other than letters, digits and _./+-@",
                       real);
    if (strlen(real) > PATH_ROOM) {
        err_set(err, TMV_ERR_USAGE, "the path %s is too long: PostgreSQL's sockets are made below it", real);
        return err_hint(err, "Choose a directory whose path has at most %d characters.", PATH_ROOM);
    }
    snprintf(w->path, sizeof w->path, "%.200s", real);
    if (!give_to_user(&w->user, w->path, err))
        return false;
    if (is_reachable(&w->user, w->path))
        return true;
    err_set(err, TMV_ERR_REFUSED, "user %s, as which PostgreSQL runs, cannot enter %s", w->user.name,
            w->path);
    return err_hint(err, "Choose a directory below one that every user may enter, such as /tmp/demo.");
}

static bool start_reaper(struct workspace *w, struct tmv_error *err)
{
    struct timeval patience = {.tv_sec = ANSWER_TIMEOUT_S};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return err_errno(err, "socketpair");
    w->reaper = fork();
    if (w->reaper == 0) {
        struct reaper_setup setup = {
            .socket = pair[1], .directory = w->path, .keep = w->keep, .user = w->user};
        close(pair[0]);
        reaper_main(&setup);
    }
    close(pair[1]);
    w->socket = pair[0];
    setsockopt(w->socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return w->reaper > 0 || err_errno(err, "fork");
}

bool workspace_open(const struct workspace_options *options, struct workspace **ret_workspace,
                    struct tmv_error *err)
{
    struct workspace *w = calloc(1, sizeof *w);

    if (!w)
        return err_set(err, TMV_ERR_NOMEM, "no memory for a workspace");
    lock_init(&w->lock);
    w->socket = -1;
    w->cancel_fd = options->cancel_fd;
    w->keep = options->keep;
    if (run_user_find(&w->user, err) &&
        (options->keep ? make_kept(w, options->keep, err) : make_temporary(w, err)) && start_reaper(w, err)) {
        *ret_workspace = w;
        return true;
    }
    if (w->path[0] && !w->keep)
        reaper_remove_tree(w->path);
    w->reaper = 0;
    workspace_close(w);
    return false;
}

void workspace_close(struct workspace *w)
{
    if (!w)
        return;
    if (w->socket >= 0)
        close(w->socket);
    if (w->reaper > 0) {
        int watch_fd = process_watch(w->reaper);

        if (process_wait_end(watch_fd, CLOSE_TIMEOUT_US))
            while (waitpid(w->reaper, NULL, 0) < 0 && errno == EINTR)
                continue;
        if (watch_fd >= 0)
            close(watch_fd);
    }
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* Whatever signal comes meanwhile. Bytes of the answer; 0: the other side has ended; -1: errno. */
static ssize_t ask(int socket, const char *request, size_t size, int32_t *ret_answer)
{
    ssize_t moved;

    do
        moved = send(socket, request, size, MSG_NOSIGNAL);
    while (moved < 0 && errno == EINTR);
    if (moved != (ssize_t)size)
        return -1;
    do
        moved = recv(socket, ret_answer, sizeof *ret_answer, 0);
    while (moved < 0 && errno == EINTR);
    return moved;
}

bool workspace_spawn(struct workspace *w, const char *const *argv, const char *log, pid_t *ret_pid,
                     struct tmv_error *err)
{
    char request[REAPER_REQUEST_MAX];
    size_t used = strlen(log) + 1;
    int32_t answer = -EIO;

    if (used > sizeof request)
        return err_set(err, TMV_ERR_USAGE, "log path too long");
    memcpy(request, log, used);
    for (int i = 0; argv[i]; i++) {
        size_t length = strlen(argv[i]) + 1;

        if (length > sizeof request - used)
            return err_set(err, TMV_ERR_USAGE, "command line of %s too long", argv[0]);
        memcpy(request + used, argv[i], length);
        used += length;
    }
    pthread_mutex_lock(&w->lock);
    ssize_t got = ask(w->socket, request, used, &answer);
    pthread_mutex_unlock(&w->lock);
    if (got == 0)
        return err_set(err, TMV_ERR_IO, "the process that keeps the demo's servers has ended");
    if (got != (ssize_t)sizeof answer)
        return err_errno(err, "the process that keeps the demo's servers does not answer");
    if (answer <= 0) {
        errno = -answer;
        return err_errno(err, "cannot start %s", argv[0]);
    }
    *ret_pid = answer;
    return true;
}

bool workspace_make_dir(const struct workspace *w, const char *name, char *ret_path, size_t size,
                        struct tmv_error *err)
{
    int length = snprintf(ret_path, size, "%s/%s", w->path, name);

    if (length < 0 || (size_t)length >= size)
        return err_set(err, TMV_ERR_USAGE, "path too long: %s/%s", w->path, name);
    if (mkdir(ret_path, 0700) != 0)
        return err_errno(err, "cannot make %s", ret_path);
    return give_to_user(&w->user, ret_path, err);
}

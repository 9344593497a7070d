#include "demo/cluster.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "demo/reaper.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/text.h"
#include "lib/outfile.h"

#define INIT_TIMEOUT_US 180000000
#define READY_TIMEOUT_US 120000000
#define STOP_TIMEOUT_US 60000000
#define POLL_US 3000
#define BACKENDS_MAX 512

#define PORT 5432
struct cluster {
    struct workspace *workspace; /* borrowed */
    char bindir[200];
    char socket[128]; /* directory of the socket */
    char data[300];
    char log[300];
    int port;     /* of the socket's name; on TCP nothing listens unless the settings say so */
    pid_t pid;    /* 0 while stopped */
    int watch_fd; /* readable when the postmaster ended; -1 none */
};

static const char *const default_settings[] = {
    "listen_addresses=",        "unix_socket_permissions=0700",
    "max_connections=200",      "max_wal_size=4GB",
    "shared_buffers=256MB",     "checkpoint_completion_target=0.9",
    "log_min_messages=warning", "timezone=UTC",
    "log_timezone=UTC",         NULL,
};

/* ---- programs ---- */

static bool has_server(const char *dir)
{
    char path[300];
    int length = snprintf(path, sizeof path, "%s/postgres", dir);

    return length > 0 && (size_t)length < sizeof path && access(path, X_OK) == 0;
}

/* "/usr/lib/postgresql/15/bin" is better than "…/9.6/bin": by number, not by letter. */
static double version_in(const char *path)
{
    const char *digit = strpbrk(path, "0123456789");

    return digit ? text_read_double(digit, &digit) : 0;
}

static bool find_installed(char *ret_bindir, size_t size)
{
    static const char *const patterns[] = {"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
                                           "/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"};
    double best = -1;

    for (size_t p = 0; p < sizeof patterns / sizeof *patterns && best < 0; p++) {
        glob_t found = {0};

        if (glob(patterns[p], 0, NULL, &found) == 0) {
            for (size_t i = 0; i < found.gl_pathc; i++) {
                if (!has_server(found.gl_pathv[i]) || version_in(found.gl_pathv[i]) <= best)
                    continue;
                best = version_in(found.gl_pathv[i]);
                text_copy(ret_bindir, size, found.gl_pathv[i]);
            }
        }
        globfree(&found);
    }
    return best >= 0;
}

bool cluster_find_programs(char *ret_bindir, size_t size, struct tmv_error *err)
{
    static const char *const ask[] = {"pg_config", "--bindir", NULL};
    struct process_spec spec = {.argv = ask, .timeout_us = 10000000, .cancel_fd = -1};
    struct tmv_error ignored = {0};
    AUTO_FREE char *answer = NULL;
    bool found = false;

    if (process_run(&spec, &answer, &ignored)) {
        answer[strcspn(answer, "\n")] = '\0';
        found = strlen(answer) < size && has_server(answer);
        if (found)
            text_copy(ret_bindir, size, answer);
    }
    if (found || find_installed(ret_bindir, size))
        return true;
    err_set(err, TMV_ERR_NOT_FOUND, "PostgreSQL's server programs (initdb, postgres) are not installed");
    return err_hint(err, "Install the package postgresql (Debian, Ubuntu) or postgresql-server.");
}

/* ---- data directory ---- */

static bool run_tool(const struct cluster *c, const char *const *argv, bool as_user, struct tmv_error *err)
{
    struct process_spec spec = {.argv = argv,
                                .user = as_user ? workspace_user(c->workspace) : NULL,
                                .timeout_us = INIT_TIMEOUT_US,
                                .cancel_fd = workspace_cancel_fd(c->workspace)};

    return process_run(&spec, NULL, err);
}

static bool copy_tree(const struct cluster *c, const char *from, const char *to, struct tmv_error *err)
{
    const char *const argv[] = {"cp", "-a", "--reflink=auto", from, to, NULL};

    return run_tool(c, argv, false, err); /* as root, so that it may read the cache; -a keeps the owner */
}

static bool init_data(const struct cluster *c, const char *locale, struct tmv_error *err)
{
    char program[240];
    const char *const argv[] = {program,
                                "--pgdata",
                                c->data,
                                "--username",
                                CLUSTER_SUPERUSER,
                                "--auth",
                                "trust",
                                "--encoding",
                                "UTF8",
                                "--locale",
                                locale ? locale : "C",
                                "--no-sync",
                                "--no-instructions",
                                NULL};

    snprintf(program, sizeof program, "%s/initdb", c->bindir);
    return run_tool(c, argv, true, err);
}

/* Whether the cache holds a data directory that our servers may use. */
static bool is_template(const struct cluster *c, const char *dir)
{
    const struct run_user *user = workspace_user(c->workspace);
    char path[400];
    struct stat st;

    snprintf(path, sizeof path, "%s/PG_VERSION", dir);
    return stat(path, &st) == 0 && st.st_uid == user->uid;
}

/* Fills the cache from a new data directory. Several programs may do so at once; whoever is first wins. */
static void fill_template(const struct cluster *c, const char *dir)
{
    char draft[400];
    struct tmv_error ignored = {0};

    snprintf(draft, sizeof draft, "%.300s.%d", dir, (int)getpid());
    if (!copy_tree(c, c->data, draft, &ignored) || rename(draft, dir) != 0)
        reaper_remove_tree(draft);
}

/* A data directory that was damaged in the cache would fail again in every program, each time as a server
 * that does not start, or as cp's error about a copy that is gone by then. */
static bool blame_template(const char *dir, struct tmv_error *err)
{
    err_wrap(err, "with the data directory kept in %s", dir);
    return err_hint(err, "If it is damaged, remove that directory: the next run makes it again.");
}

/* *ret_template: the cache from which it was taken, NULL when it is new. */
static bool make_data(const struct cluster *c, const struct cluster_options *options,
                      const char **ret_template, struct tmv_error *err)
{
    const char *template_dir = options->template_dir;

    *ret_template = template_dir && is_template(c, template_dir) ? template_dir : NULL;
    if (*ret_template)
        return copy_tree(c, template_dir, c->data, err) || blame_template(template_dir, err);
    if (!init_data(c, options->locale, err))
        return err_wrap(err, "cannot make a PostgreSQL cluster as %s", workspace_user(c->workspace)->name);
    if (template_dir)
        fill_template(c, template_dir);
    return true;
}

static void write_setting(FILE *file, const char *setting)
{
    const char *equals = strchr(setting, '=');

    if (!equals)
        return;
    fprintf(file, "%.*s = '", (int)(equals - setting), setting);
    for (const char *p = equals + 1; *p; p++) {
        if (*p == '\'')
            fputc('\'', file);
        fputc(*p, file);
    }
    fputs("'\n", file);
}

static bool write_settings(const struct cluster *c, const char *const *settings, struct tmv_error *err)
{
    char path[340];
    struct outfile file;

    snprintf(path, sizeof path, "%s/postgresql.conf", c->data);
    if (!outfile_append(&file, path))
        return err_errno(err, "cannot write %s", path);
    for (const char *const *s = default_settings; *s; s++)
        write_setting(file.stream, *s);
    fprintf(file.stream, "unix_socket_directories = '%s'\n", c->socket);
    for (const char *const *s = settings; s && *s; s++)
        write_setting(file.stream, *s);
    errno = outfile_close(&file);
    return errno == 0 || err_errno(err, "cannot write %s", path);
}

/* ---- server ---- */

/* The last lines of the server's log, for a message. */
static void read_log_end(const struct cluster *c, char *text, size_t size)
{
    int fd = open(c->log, O_RDONLY | O_CLOEXEC);
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    off_t from = end > (off_t)size - 1 ? end - (off_t)size + 1 : 0;
    ssize_t n = fd >= 0 ? pread(fd, text, size - 1, from) : 0;

    text[n > 0 ? n : 0] = '\0';
    for (char *p = text; *p; p++)
        if (*p == '\n')
            *p = ' ';
    if (fd >= 0)
        close(fd);
}

/* The server writes its state into the eighth line of postmaster.pid, which is what pg_ctl waits for too. */
static bool is_ready(const struct cluster *c)
{
    char path[340], line[200];
    FILE *file;
    bool ready = false;

    snprintf(path, sizeof path, "%s/postmaster.pid", c->data);
    file = fopen(path, "re");
    for (int i = 1; file && i <= 8 && fgets(line, sizeof line, file); i++) {
        if (i == 1 && atoi(line) != c->pid)
            break; /* left behind by a crash */
        ready = i == 8 && strncmp(line, "ready", 5) == 0;
    }
    if (file)
        fclose(file);
    return ready;
}

static bool is_cancelled(const struct cluster *c)
{
    int fd = workspace_cancel_fd(c->workspace);

    return fd >= 0 && process_wait_end(fd, 0);
}

static bool wait_ready(struct cluster *c, struct tmv_error *err)
{
    int64_t end = clock_now_us() + READY_TIMEOUT_US;
    char text[400];

    while (!is_ready(c)) {
        if (process_wait_end(c->watch_fd, POLL_US)) {
            read_log_end(c, text, sizeof text);
            return err_set(err, TMV_ERR_IO, "the PostgreSQL server in %s did not start: %s", c->data, text);
        }
        if (is_cancelled(c))
            return err_set(err, TMV_ERR_CANCELLED, "stopped while a PostgreSQL server started");
        if (clock_now_us() > end) {
            read_log_end(c, text, sizeof text);
            return err_set(err, TMV_ERR_TIMEOUT, "the PostgreSQL server in %s is not ready: %s", c->data,
                           text);
        }
    }
    return true;
}

bool cluster_resume(struct cluster *c, struct tmv_error *err)
{
    char program[240];
    const char *const argv[] = {program, "-D", c->data, NULL};

    if (c->pid)
        return err_set(err, TMV_ERR_REFUSED, "the PostgreSQL server in %s runs already", c->data);
    snprintf(program, sizeof program, "%s/postgres", c->bindir);
    if (!workspace_spawn(c->workspace, argv, c->log, &c->pid, err))
        return false;
    c->watch_fd = process_watch(c->pid);
    return wait_ready(c, err);
}

static bool make_cluster(struct cluster *c, const struct cluster_options *options, struct tmv_error *err)
{
    char home[200];
    const char *template;

    if (!cluster_find_programs(c->bindir, sizeof c->bindir, err) ||
        !workspace_make_dir(c->workspace, options->name, home, sizeof home, err))
        return false;
    snprintf(c->socket, sizeof c->socket, "%.127s", home);
    c->port = PORT;
    for (const char *const *s = options->settings; s && *s; s++)
        if (strncmp(*s, "port=", 5) == 0)
            c->port = (int)strtol(*s + 5, NULL, 10);
    snprintf(c->data, sizeof c->data, "%s/data", home);
    snprintf(c->log, sizeof c->log, "%s/log", home);
    if (!make_data(c, options, &template, err) || !write_settings(c, options->settings, err))
        return false;
    return cluster_resume(c, err) || (template && blame_template(template, err));
}

bool cluster_start(struct workspace *workspace, const struct cluster_options *options,
                   struct cluster **ret_cluster, struct tmv_error *err)
{
    struct cluster *c = calloc(1, sizeof *c);

    if (!c)
        return err_set(err, TMV_ERR_NOMEM, "no memory for a cluster");
    c->workspace = workspace;
    c->watch_fd = -1;
    if (!make_cluster(c, options, err)) {
        cluster_free(c);
        return false;
    }
    *ret_cluster = c;
    return true;
}

void cluster_free(struct cluster *c)
{
    if (!c)
        return;
    if (c->watch_fd >= 0)
        close(c->watch_fd);
    free(c);
}

/* ---- stop ---- */

/* Processes whose parent is the postmaster, watched before anything is killed. */
static size_t watch_children(pid_t parent, int *fds, pid_t *pids, size_t max)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    size_t count = 0;

    while (proc && (entry = readdir(proc)) && count < max) {
        char path[300], line[400];
        const char *after;
        FILE *file;
        int ppid = 0;

        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        file = fopen(path, "re");
        if (!file)
            continue;
        after = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
        fclose(file);
        if (!after || sscanf(after, ") %*c %d", &ppid) != 1 || ppid != parent)
            continue;
        pids[count] = (pid_t)atoi(entry->d_name);
        fds[count] = process_watch(pids[count]);
        count += fds[count] >= 0;
    }
    if (proc)
        closedir(proc);
    return count;
}

static bool kill_all(struct cluster *c)
{
    int fds[BACKENDS_MAX];
    pid_t pids[BACKENDS_MAX];
    int64_t end = clock_now_us() + STOP_TIMEOUT_US;
    size_t count;
    bool gone;

    kill(c->pid, SIGSTOP); /* so that it starts no new children, and cleans up after none */
    count = watch_children(c->pid, fds, pids, BACKENDS_MAX);
    for (size_t i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
    kill(c->pid, SIGKILL);
    gone = process_wait_end(c->watch_fd, STOP_TIMEOUT_US);
    for (size_t i = 0; i < count; i++) {
        gone = process_wait_end(fds[i], end - clock_now_us()) && gone;
        close(fds[i]);
    }
    return gone;
}

bool cluster_stop(struct cluster *c, enum cluster_stop_mode mode, struct tmv_error *err)
{
    bool gone;

    if (!c->pid)
        return true;
    if (mode == CLUSTER_KILL) {
        gone = kill_all(c);
    } else {
        kill(c->pid, mode == CLUSTER_FAST ? SIGINT : SIGQUIT);
        gone = process_wait_end(c->watch_fd, STOP_TIMEOUT_US);
    }
    if (!gone)
        return err_set(err, TMV_ERR_TIMEOUT, "the PostgreSQL server in %s does not stop", c->data);
    if (c->watch_fd >= 0)
        close(c->watch_fd);
    c->watch_fd = -1;
    c->pid = 0;
    return true;
}

/* ---- use ---- */

const char *cluster_conninfo(const struct cluster *c, const char *database, char text[CLUSTER_CONNINFO_MAX])
{
    snprintf(text, CLUSTER_CONNINFO_MAX, "host=%s port=%d user=%s dbname=%.60s", c->socket, c->port,
             CLUSTER_SUPERUSER, database);
    return text;
}

bool cluster_psql(struct cluster *c, const char *database, const char *script, int64_t timeout_us,
                  char **ret_output, struct tmv_error *err)
{
    char program[240], conninfo[CLUSTER_CONNINFO_MAX];
    const char *const argv[] = {program,
                                "--no-psqlrc",
                                "--quiet",
                                "--no-align",
                                "--tuples-only",
                                "--set",
                                "ON_ERROR_STOP=1",
                                "--dbname",
                                conninfo,
                                "--file",
                                "-",
                                NULL};
    struct process_spec spec = {.argv = argv,
                                .user = workspace_user(c->workspace),
                                .input = script,
                                .timeout_us = timeout_us,
                                .cancel_fd = workspace_cancel_fd(c->workspace)};

    snprintf(program, sizeof program, "%s/psql", c->bindir);
    cluster_conninfo(c, database, conninfo);
    return process_run(&spec, ret_output, err) || err_wrap(err, "database %s", database);
}

bool cluster_create_database(struct cluster *c, const char *database, struct tmv_error *err)
{
    char program[240], port[12];
    const char *const argv[] = {program,      "--host",          c->socket, "--port", port,
                                "--username", CLUSTER_SUPERUSER, database,  NULL};

    snprintf(port, sizeof port, "%d", c->port);

    snprintf(program, sizeof program, "%s/createdb", c->bindir);
    return run_tool(c, argv, true, err);
}

pid_t cluster_pid(const struct cluster *c)
{
    return c->pid;
}

const char *cluster_data_dir(const struct cluster *c)
{
    return c->data;
}

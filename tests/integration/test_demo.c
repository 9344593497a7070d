/* The demo as a program: a whole headless life, and every way to end it early. Whatever happens, no process
 * and no directory stays. */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "demo/stage.h"
#include "tenantmv/snapshot.h"
#include "support/json_keys.h"
#include "support/support.h"
#include "test.h"

/* Of the program; a sanitizer's own memory does not count. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_MAX_KIB (4 * 1024 * 1024)
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define MEMORY_MAX_KIB (4 * 1024 * 1024)
#endif
#endif
#ifndef MEMORY_MAX_KIB
#define MEMORY_MAX_KIB (128 * 1024)
#endif

#define TIMEOUT_US 240000000

/* The program under test, with what it has written so far. */
struct program {
    pid_t pid;
    int output;        /* its stderr, or its terminal */
    char place[256];   /* its $TMPDIR */
    char text[262144]; /* what it wrote there */
    size_t length;
};

static void make_place(struct program *p)
{
    static int number;
    char name[32];
    struct tmv_error err = {0};

    memset(p, 0, sizeof *p);
    snprintf(name, sizeof name, "place%d", ++number);
    assert_done(workspace_make_dir(support_workspace(), name, p->place, sizeof p->place, &err), &err);
}

static void exec_program(const struct program *p, const char *const *arguments)
{
    const char *argv[24] = {getenv("TENANTMV_PROGRAM"), "demo"};

    for (int i = 0; arguments[i] && i < 20; i++)
        argv[i + 2] = arguments[i];
    setenv("TMPDIR", p->place, 1);
    setenv("TERM", "xterm-256color", 1);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(126);
}

/* Starts it with its stderr in a pipe. `stdout_fd` −1: thrown away. */
static void start(struct program *p, const char *const *arguments, int stdout_fd)
{
    int pipe_fds[2];

    make_place(p);
    assert_int_equal(pipe(pipe_fds), 0);
    p->pid = fork();
    if (p->pid == 0) {
        dup2(stdout_fd >= 0 ? stdout_fd : open("/dev/null", O_WRONLY), 1);
        dup2(pipe_fds[1], 2);
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        exec_program(p, arguments);
    }
    close(pipe_fds[1]);
    p->output = pipe_fds[0];
}

/* Starts it in a terminal of 24 rows and 80 columns. */
static void start_in_terminal(struct program *p, const char *const *arguments)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    int inner;

    make_place(p);
    p->output = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(p->output >= 0 && grantpt(p->output) == 0 && unlockpt(p->output) == 0);
    inner = open(ptsname(p->output), O_RDWR | O_NOCTTY);
    assert_true(inner >= 0);
    ioctl(inner, TIOCSWINSZ, &size);
    p->pid = fork();
    if (p->pid == 0) {
        setsid();
        ioctl(inner, TIOCSCTTY, 0);
        for (int i = 0; i < 3; i++)
            dup2(inner, i);
        close(inner);
        exec_program(p, arguments);
    }
    close(inner);
}

/* Reads what it writes until `words` appear, or with NULL until it ends. */
static bool read_until(struct program *p, const char *words)
{
    int64_t end = clock_now_us() + TIMEOUT_US;
    struct pollfd fd = {.fd = p->output, .events = POLLIN};

    while (!words || !strstr(p->text, words)) {
        int64_t left = end - clock_now_us();
        ssize_t n;

        if (left <= 0 || poll(&fd, 1, (int)(left / 1000)) <= 0)
            return false;
        if (p->length > sizeof p->text / 2) /* a terminal's repaints: the latest are enough */
            p->length = 0;
        n = read(p->output, p->text + p->length, sizeof p->text - p->length - 1);
        if (n <= 0)
            return !words;
        for (ssize_t i = 0; i < n; i++)
            if (!p->text[p->length + (size_t)i])
                p->text[p->length + (size_t)i] = ' ';
        p->length += (size_t)n;
        p->text[p->length] = '\0';
    }
    return true;
}

static int count_processes(const char *words)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    int count = 0;

    while ((entry = readdir(proc))) {
        char path[300], line[1024] = "";
        FILE *file;
        size_t n;

        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        file = fopen(path, "re");
        n = file ? fread(line, 1, sizeof line - 1, file) : 0;
        if (file)
            fclose(file);
        for (size_t i = 0; i + 1 < n; i++)
            if (!line[i])
                line[i] = ' ';
        count += strstr(line, words) != NULL;
    }
    closedir(proc);
    return count;
}

static int count_entries(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    int count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* Its exit status, and nothing is left of it. */
static int finish(struct program *p)
{
    int status = 0, watch_fd = process_watch(p->pid);

    assert_true(process_wait_end(watch_fd, TIMEOUT_US));
    close(watch_fd);
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    if (p->output >= 0)
        close(p->output);
    /* after SIGKILL the reaper is still at work */
    for (int i = 0; i < 3000 && (count_entries(p->place) || count_processes(p->place)); i++)
        stop_sleep(NULL, 10000);
    assert_int_equal(count_processes(p->place), 0);
    assert_int_equal(count_entries(p->place), 0);
    return status;
}

static int64_t number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    assert_true(cJSON_IsNumber(item));
    return (int64_t)item->valuedouble;
}

static void moves_tenants_and_loses_nothing(void **state)
{
    static const char *const arguments[] = {"--headless", "--events", "20000",  "--tenants", "3",
                                            "--writers",  "4",        "--rate", "400",       "--cutovers",
                                            "3",          "--json",   NULL};
    char path[300], text[65536] = "";
    struct program p;
    const cJSON *item;
    cJSON *report;
    int fd, status;

    (void)state;
    snprintf(path, sizeof path, "%s/report.json", support_temporary_dir());
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    start(&p, arguments, fd);
    read_until(&p, NULL);
    status = finish(&p);
    assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
    close(fd);
    if (status)
        print_error("%s\n%s\n", p.text, text);
    assert_int_equal(status, 0);
    report = cJSON_Parse(text);
    has_no_key_twice(report);
    assert_non_null(report);
    assert_true(number(report, "events_total") > 20000);
    assert_true(number(report, "writes_acknowledged") > 0);
    assert_int_equal(number(report, "writes_failed"), 0);
    assert_int_equal(number(report, "events_lost"), 0);
    assert_int_equal(number(report, "events_duplicated"), 0);
    assert_int_equal(number(report, "events_out_of_order"), 0);
    assert_in_range(number(report, "peak_rss_kib"), 1, MEMORY_MAX_KIB);
    assert_true(cJSON_GetArraySize(cJSON_GetObjectItem(report, "cutovers")) >= 3);
    int completed = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(report, "cutovers"))
    {
        if (strcmp(cJSON_GetObjectItem(item, "outcome")->valuestring, "completed") != 0)
            continue; /* rolled back: a busy machine may miss a budget, and then tries again */
        completed++;
        assert_true(number(item, "writer_gap_us") > 0 && number(item, "pause_us") > 0);
        assert_true(number(item, "quiet_gap_us") > 0);
    }
    assert_int_equal(completed, 3);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetObjectItem(report, "verification"), "consistent")));
    cJSON_Delete(report);
}

static void ends_cleanly_at_every_stage(void **state)
{
    static const char *const arguments[] = {"--headless", "--events",  "3000", "--tenants",
                                            "2",          "--writers", "2",    NULL};
    static const struct {
        const char *stage;
        int signal;
    } cases[] = {{"starting", SIGTERM}, {"making", SIGINT},   {"filling", SIGHUP}, {"moving", SIGTERM},
                 {"comparing", SIGINT}, {"filling", SIGKILL}, {"moving", SIGKILL}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct program p;
        int status;

        start(&p, arguments, -1);
        if (!read_until(&p, cases[i].stage))
            fail_msg("%s: %s", cases[i].stage, p.text);
        assert_int_equal(kill(p.pid, cases[i].signal), 0);
        status = finish(&p);
        if (cases[i].signal == SIGKILL)
            assert_true(WIFSIGNALED(status));
        else
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    }
}

static void keeps_the_directory_when_asked(void **state)
{
    char keep[300], data[400];
    const char *arguments[] = {"--headless", "--events", "1000",   "--tenants", "1",
                               "--writers",  "1",        "--keep", keep,        NULL};
    struct program p;
    struct stat st;

    (void)state;
    snprintf(keep, sizeof keep, "%s/kept", support_temporary_dir());
    start(&p, arguments, -1);
    read_until(&p, NULL);
    if (finish(&p))
        fail_msg("%s", p.text);
    assert_int_equal(count_processes(keep), 0);
    snprintf(data, sizeof data, "%s/shared/data/PG_VERSION", keep);
    assert_int_equal(stat(data, &st), 0);
    snprintf(data, sizeof data, "%s/shared/data/postmaster.pid", keep); /* it was shut down, not killed */
    assert_int_equal(stat(data, &st), -1);
}

/* Pauses the first migration that appears in the demo's control database. */
static void pause_from_outside(const char *directory)
{
    char conninfo[400];
    struct tmv_control *control = NULL;
    struct tmv_request request = {.operation = TMV_OP_PAUSE, .reason = "month end"};
    const struct tmv_actor actor = {.name = "amy"};
    int64_t end = clock_now_us() + TIMEOUT_US;
    struct tmv_error err = {0};
    struct tmv_uuid id;

    snprintf(conninfo, sizeof conninfo, "host=%s/shared user=" CLUSTER_SUPERUSER " dbname=" STAGE_SHARED,
             directory);
    assert_done(tmv_control_open(conninfo, &control, &err), &err);
    for (bool found = false; !found; stop_sleep(NULL, 1000)) {
        struct tmv_snapshot *snapshot = NULL;

        assert_true(clock_now_us() < end);
        assert_done(tmv_snapshot_read(control, NULL, 1, &snapshot, &err), &err);
        found = snapshot->migration_count > 0;
        if (found)
            request.migration = snapshot->migrations[0].id;
        tmv_snapshot_free(snapshot);
    }
    assert_done(tmv_request(control, &request, &actor, &id, &err), &err);
    tmv_control_close(control);
}

/* What an engine paused moves no more by itself: the demo says why and ends. */
static void says_why_a_paused_migration_does_not_arrive(void **state)
{
    char keep[300], path[300], text[65536] = "";
    const char *arguments[] = {"--headless", "--events", "20000",  "--tenants", "1",
                               "--writers",  "1",        "--keep", keep,        NULL};
    struct program p;
    int fd, status;

    (void)state;
    snprintf(keep, sizeof keep, "%s/paused", support_temporary_dir());
    snprintf(path, sizeof path, "%s/report", support_temporary_dir());
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    start(&p, arguments, fd);
    if (!read_until(&p, "moving"))
        fail_msg("%s", p.text);
    pause_from_outside(keep);
    read_until(&p, NULL);
    status = finish(&p);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
    close(fd);
    if (!strstr(text, "the migration was paused in") || !strstr(text, "month end"))
        fail_msg("%s\n%s", p.text, text);
}

static void refuses_options_out_of_range(void **state)
{
    static const char *const cases[][4] = {{"--tenants", "0"},
                                           {"--headless", "--tenants", "2", "--cutovers=3"},
                                           {"--writers", "1000"},
                                           {"--rate", "-1"},
                                           {"--json"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *arguments[5] = {cases[i][0], cases[i][1], cases[i][2], cases[i][3], NULL};
        struct program p;
        int status;

        start(&p, arguments, -1);
        read_until(&p, NULL);
        status = finish(&p);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 2);
    }
}

static void leaves_the_console_without_a_trace(void **state)
{
    static const char *const arguments[] = {"--events", "2000",   "--tenants", "4", "--writers",
                                            "2",        "--rate", "50",        NULL};
    enum { KEY, SIGNAL, LOST } ways[] = {KEY, SIGNAL, LOST};

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct program p;

        start_in_terminal(&p, arguments);
        if (!read_until(&p, "demo writers"))
            fail_msg("no console: %.2000s", p.text);
        if (ways[i] == SIGNAL)
            kill(p.pid, SIGTERM);
        if (ways[i] == KEY)
            assert_int_equal(write(p.output, "q", 1), 1);
        if (ways[i] == LOST) {
            close(p.output);
            p.output = -1;
        } else {
            read_until(&p, NULL);
        }
        finish(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_tenants_and_loses_nothing),
        cmocka_unit_test(ends_cleanly_at_every_stage),
        cmocka_unit_test(keeps_the_directory_when_asked),
        cmocka_unit_test(refuses_options_out_of_range),
        cmocka_unit_test(leaves_the_console_without_a_trace),
        cmocka_unit_test(says_why_a_paused_migration_does_not_arrive),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

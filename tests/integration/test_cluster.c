/* Private clusters: they start, survive a crash, are closed to the network, and leave nothing behind. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo/reaper.h"
#include "support/support.h"
#include "test.h"

static void answers_on_its_private_socket_only(void **state)
{
    struct cluster *cluster = support_cluster("source", NULL);
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct pgx_conn *conn;
    struct stat st;

    (void)state;
    support_database(cluster, conninfo);
    conn = support_connect(conninfo);
    assert_int_equal(support_int(conn, "SELECT 41 + 1"), 42);
    assert_int_equal(support_int(conn, "SELECT count(*) FROM pg_settings WHERE name = 'listen_addresses' "
                                       "AND setting = ''"),
                     1);
    assert_int_equal(
        support_int(conn, "SELECT count(*) FROM pg_settings WHERE name = 'fsync' AND setting = 'on'"), 1);
    pgx_close(conn);
    assert_int_equal(stat(workspace_path(support_workspace()), &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
}

static void keeps_committed_rows_over_every_kind_of_stop(void **state)
{
    static const enum cluster_stop_mode modes[] = {CLUSTER_FAST, CLUSTER_IMMEDIATE, CLUSTER_KILL};
    struct cluster *cluster = support_cluster("source", NULL);
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct tmv_error err = {0};
    struct pgx_conn *conn;

    (void)state;
    support_database(cluster, conninfo);
    conn = support_connect(conninfo);
    support_sql(conn, "CREATE TABLE public.t (n integer)");
    for (int i = 0; i < 3; i++) {
        pid_t pid = cluster_pid(cluster);

        support_sql(conn, "INSERT INTO public.t VALUES (%d)", i);
        assert_done(cluster_stop(cluster, modes[i], &err), &err);
        pgx_close(conn);
        assert_int_equal(kill(pid, 0), -1);
        assert_int_equal(cluster_pid(cluster), 0);
        assert_done(cluster_resume(cluster, &err), &err);
        conn = support_connect(conninfo);
        assert_int_equal(support_int(conn, "SELECT count(*) FROM public.t"), i + 1);
    }
    pgx_close(conn);
}

static void tells_servers_apart(void **state)
{
    static const char *const sql = "SELECT system_identifier FROM pg_control_system()";
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct pgx_conn *source =
        support_connect(cluster_conninfo(support_cluster("source", NULL), "postgres", conninfo));
    struct pgx_conn *target =
        support_connect(cluster_conninfo(support_cluster("target", NULL), "postgres", conninfo));

    (void)state;
    assert_true(support_int(source, "%s", sql) != support_int(target, "%s", sql));
    pgx_close(source);
    pgx_close(target);
}

static void makes_stores_of_both_shapes(void **state)
{
    struct cluster *cluster = support_cluster("source", NULL);
    struct tmv_uuid tenant = tmv_uuid_random();

    (void)state;
    for (int partitioned = 0; partitioned < 2; partitioned++) {
        struct tmv_store_info store;
        struct pgx_conn *conn;

        support_store(cluster, "shared", partitioned, &store);
        conn = support_connect(store.conninfo);
        support_fill(conn, &tenant, 3, 4);
        assert_int_equal(support_int(conn, "SELECT count(*) FROM public.events"), 12);
        assert_int_equal(support_int(conn, "SELECT count(DISTINCT aggregate_id) FROM public.events"), 3);
        assert_int_equal(support_int(conn, "SELECT max(version) FROM public.events"), 4);
        pgx_close(conn);
    }
}

static void runs_scripts_and_reports_their_first_error(void **state)
{
    struct cluster *cluster = support_cluster("source", NULL);
    struct tmv_error err = {0};
    char *output = NULL;

    (void)state;
    assert_done(
        cluster_psql(cluster, "postgres", "SELECT 1;\nSELECT 'two';", SUPPORT_TIMEOUT_US, &output, &err),
        &err);
    assert_string_equal(output, "1\ntwo\n");
    free(output);
    assert_fails(
        cluster_psql(cluster, "postgres", "SELECT 1;\nSELECT nonsense;\n", SUPPORT_TIMEOUT_US, NULL, &err),
        &err, TMV_ERR_IO);
    assert_non_null(strstr(err.message, "nonsense"));
    assert_fails(cluster_psql(cluster, "postgres", "SELECT pg_sleep(600)", 50000, NULL, &err), &err,
                 TMV_ERR_TIMEOUT);
}

/* A lost answer is no success: whoever sends a script and takes its answer later must hear of it. */
static void a_script_on_a_lost_connection_fails(void **state)
{
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct tmv_error err = {0};

    (void)state;
    support_database(support_cluster("source", NULL), conninfo);
    struct pgx_conn *conn = support_connect(conninfo);
    struct pgx_conn *other = support_connect(conninfo);
    int64_t pid = support_int(conn, "SELECT pg_backend_pid()");
    support_sql(other, "SELECT pg_terminate_backend(%lld)", (long long)pid);
    support_wait_until(other, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %lld)",
                       (long long)pid);
    assert_false(pgx_script(conn, SUPPORT_TIMEOUT_US, "SELECT 1", 0, NULL, &err));
    assert_false(pgx_is_usable(conn));
    err.code = TMV_OK;
    assert_false(pgx_script_receive(conn, SUPPORT_TIMEOUT_US, 0, NULL, &err));
    assert_int_equal(err.code, TMV_ERR_UNREACHABLE);
    pgx_close(conn);
    pgx_close(other);
}

static void reports_why_a_server_does_not_start(void **state)
{
    static const char *const settings[] = {"max_connections=nonsense", NULL};
    struct cluster_options options = {.name = "broken", .settings = settings};
    struct cluster *cluster = NULL;
    struct tmv_error err = {0};

    (void)state;
    assert_fails(cluster_start(support_workspace(), &options, &cluster, &err), &err, TMV_ERR_IO);
    assert_non_null(strstr(err.message, "max_connections"));
}

static void names_a_damaged_template(void **state)
{
    char dir[300], damaged[320];
    struct cluster_options options = {.name = "first", .template_dir = dir};
    struct cluster *cluster = NULL;
    struct tmv_error err = {0};

    (void)state;
    snprintf(dir, sizeof dir, "%s/template", support_temporary_dir());
    assert_done(cluster_start(support_workspace(), &options, &cluster, &err), &err);
    cluster_free(cluster);
    snprintf(damaged, sizeof damaged, "%s/global/pg_control", dir);
    assert_int_equal(unlink(damaged), 0);
    options.name = "second";
    assert_fails(cluster_start(support_workspace(), &options, &cluster, &err), &err, TMV_ERR_IO);
    assert_non_null(strstr(err.message, dir));
    assert_non_null(strstr(err.hint, "remove that directory"));
}

/* A second program with a cluster of its own, which is then ended the hard way. */
static void run_doomed_program(int report_fd)
{
    struct workspace_options options = {.cancel_fd = -1};
    struct cluster_options cluster_options = {.name = "doomed"};
    struct workspace *workspace = NULL;
    struct cluster *cluster = NULL;
    struct tmv_error err = {0};
    char line[400] = "";
    FILE *report = fdopen(report_fd, "w");

    if (workspace_open(&options, &workspace, &err) &&
        cluster_start(workspace, &cluster_options, &cluster, &err))
        snprintf(line, sizeof line, "%d %s\n", (int)cluster_pid(cluster), workspace_path(workspace));
    fprintf(report, "%s", line);
    fflush(report);
    for (;;)
        pause();
}

static void leaves_nothing_behind_when_killed(void **state)
{
    int pipe_fds[2], server = 0, watch_fd;
    char line[400] = "", path[300] = "";
    pid_t pid;
    FILE *report;
    struct stat st;

    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    pid = fork();
    if (pid == 0)
        run_doomed_program(pipe_fds[1]);
    close(pipe_fds[1]);
    report = fdopen(pipe_fds[0], "r");
    assert_non_null(fgets(line, sizeof line, report));
    assert_int_equal(sscanf(line, "%d %299s", &server, path), 2);
    fclose(report);
    watch_fd = process_watch(server);
    assert_int_equal(stat(path, &st), 0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(process_wait_end(watch_fd, SUPPORT_TIMEOUT_US));
    close(watch_fd);
    for (int i = 0; i < 3000 && stat(path, &st) == 0; i++)
        stop_sleep(NULL, 10000);
    assert_int_equal(stat(path, &st), -1);
}

/* As a test of a full disk leaves it when it is killed. */
static void detaches_what_is_mounted_in_the_directory(void **state)
{
    char path[300], outside[300];
    struct stat st;

    (void)state;
    snprintf(path, sizeof path, "%s/tree", support_temporary_dir());
    snprintf(outside, sizeof outside, "%s/tree/mounted", support_temporary_dir());
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(mkdir(outside, 0700), 0);
    if (geteuid() == 0 && mount("tmpfs", outside, "tmpfs", 0, "size=64k") != 0)
        print_message("cannot mount here: only the plain case is tested\n");
    assert_true(reaper_remove_tree(path));
    assert_int_equal(stat(path, &st), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_on_its_private_socket_only),
        cmocka_unit_test(keeps_committed_rows_over_every_kind_of_stop),
        cmocka_unit_test(tells_servers_apart),
        cmocka_unit_test(makes_stores_of_both_shapes),
        cmocka_unit_test(runs_scripts_and_reports_their_first_error),
        cmocka_unit_test(a_script_on_a_lost_connection_fails),
        cmocka_unit_test(reports_why_a_server_does_not_start),
        cmocka_unit_test(names_a_damaged_template),
        cmocka_unit_test(leaves_nothing_behind_when_killed),
        cmocka_unit_test(detaches_what_is_mounted_in_the_directory),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

#include "test.h"

#include "support/replica.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo/process.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/stop.h"
#include "support/support.h"

#define BACKUP_TIMEOUT_US (120 * US_PER_S)

/* The socket's directory, out of "host=DIRECTORY …". */
static void host_of(const struct cluster *cluster, char host[200])
{
    char conninfo[CLUSTER_CONNINFO_MAX];

    cluster_conninfo(cluster, "postgres", conninfo);
    assert_int_equal(sscanf(conninfo, "host=%199s", host), 1);
}

static void back_up(struct cluster *primary, const char *name, const char *dir)
{
    char bindir[200], program[300], conninfo[CLUSTER_CONNINFO_MAX], from[CLUSTER_CONNINFO_MAX + 80];
    const char *const argv[] = {
        program,     "--pgdata", dir, "--dbname", from, "--write-recovery-conf", "--checkpoint=fast",
        "--no-sync", NULL};
    struct tmv_error err = {0};

    cluster_conninfo(primary, "postgres", conninfo);
    assert_true(cluster_find_programs(bindir, sizeof bindir, &err));
    snprintf(program, sizeof program, "%s/pg_basebackup", bindir);
    snprintf(from, sizeof from, "%s application_name=%s", conninfo, name);
    const struct process_spec spec = {.argv = argv,
                                      .user = workspace_user(support_workspace()),
                                      .timeout_us = BACKUP_TIMEOUT_US,
                                      .cancel_fd = -1};
    assert_done(process_run(&spec, NULL, &err), &err);
}

struct cluster *replica_start(struct cluster *primary, const char *name)
{
    static const char *const settings[] = {"max_prepared_transactions=10", "shared_buffers=32MB",
                                           "wal_retrieve_retry_interval=200ms", NULL};
    char base[60], dir[300], conninfo[CLUSTER_CONNINFO_MAX];
    struct cluster *replica = NULL;
    struct tmv_error err = {0};

    snprintf(base, sizeof base, "%s-base", name);
    assert_done(workspace_make_dir(support_workspace(), base, dir, sizeof dir, &err), &err);
    back_up(primary, name, dir);
    /* The backup is the data directory that a cluster begins as a copy of. */
    const struct cluster_options options = {.name = name, .settings = settings, .template_dir = dir};
    assert_done(cluster_start(support_workspace(), &options, &replica, &err), &err);
    struct pgx_conn *conn = support_connect(cluster_conninfo(primary, "postgres", conninfo));
    support_wait_until(
        conn,
        "SELECT count(*) = 1 FROM pg_stat_replication WHERE application_name = '%s' AND state = "
        "'streaming'",
        name);
    pgx_close(conn);
    return replica;
}

void replica_detach(struct cluster *replica)
{
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct pgx_conn *conn = support_connect(cluster_conninfo(replica, "postgres", conninfo));

    support_sql(conn, "ALTER SYSTEM SET primary_conninfo = ''");
    support_sql(conn, "SELECT pg_reload_conf()");
    support_wait_until(conn, "SELECT count(*) = 0 FROM pg_stat_wal_receiver");
    pgx_close(conn);
}

void replica_promote(struct cluster *replica)
{
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct pgx_conn *conn = support_connect(cluster_conninfo(replica, "postgres", conninfo));

    support_wait_until(conn, "SELECT pg_promote(true, 60)");
    pgx_close(conn);
}

const char *replica_conninfo(const struct cluster *primary, const struct cluster *replica,
                             const char *database, char text[2 * CLUSTER_CONNINFO_MAX])
{
    char first[200], second[200];

    host_of(primary, first);
    host_of(replica, second);
    snprintf(text, 2 * CLUSTER_CONNINFO_MAX,
             "host=%s,%s port=5432,5432 user=%s dbname=%s target_session_attrs=read-write", first, second,
             CLUSTER_SUPERUSER, database);
    return text;
}

static void set_names(struct pgx_conn *conn, const char *names)
{
    support_sql(conn, "ALTER SYSTEM SET synchronous_standby_names = '%s'", names);
    support_sql(conn, "SELECT pg_reload_conf()");
    support_wait_until(conn, "SELECT current_setting('synchronous_standby_names') = '%s'", names);
}

/* Whether a commit waits for a standby now. It is let go then: what it committed is a message that nobody
 * reads. `number` tells this try from the one before: a session is idle until it has read what it was sent.
 */
static bool commit_waits(struct pgx_conn *conn, struct pgx_conn *probe, int number)
{
    char sql[80];
    struct tmv_error err;

    snprintf(sql, sizeof sql, "SELECT pg_logical_emit_message(true, '', '') /* %d */", number);
    assert_done(pgx_send(probe, sql, PGX_NONE, &err), &err);
    support_wait_until(conn,
                       "SELECT query LIKE '%%/* %d */' AND (state = 'idle' OR wait_event = 'SyncRep') FROM "
                       "pg_stat_activity WHERE pid = %d",
                       number, pgx_backend_pid(probe));
    bool waits = support_int(conn, "SELECT (state <> 'idle')::int FROM pg_stat_activity WHERE pid = %d",
                             pgx_backend_pid(probe));
    if (waits)
        support_sql(conn, "SELECT pg_cancel_backend(%d)", pgx_backend_pid(probe));
    assert_done(pgx_receive(probe, SUPPORT_TIMEOUT_US, NULL, &err), &err);
    return waits;
}

void replica_require(const char *conninfo, const char *names)
{
    struct pgx_conn *conn = support_connect(conninfo), *probe = support_connect(conninfo);

    if (names) {
        int64_t deadline_us = clock_now_us() + SUPPORT_TIMEOUT_US;
        int number = 0;

        set_names(conn, "nobody");
        while (!commit_waits(conn, probe, ++number)) {
            if (clock_now_us() > deadline_us)
                fail_msg("no commit waits for a standby after %d tries", number);
            stop_sleep(NULL, 2000);
        }
    }
    set_names(conn, names ? names : "");
    pgx_close(probe);
    pgx_close(conn);
}

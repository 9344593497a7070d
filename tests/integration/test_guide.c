/* The migration guide, executed: its commands, roles and GRANTs as they are written there, on two servers
 * that ask every role but the superuser for a password, under a writer that is the application. Only the
 * names of the two hosts are put in. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "support/life.h"
#include "support/spawn.h"
#include "support/steady_writer.h"
#include "tenantmv/stores.h"

#define GUIDE INTEGRATION_DIR "/../../docs/migration-guide.md"
#define BLOCKS_MAX 40
#define GUIDE_MAX (64 * 1024)
#define ACME "5d0c5a1e-6a52-4c0b-9f6a-0f4f6f1f2a3b"

/* A fenced part of the guide. */
struct block {
    bool is_sql;
    char *text; /* within guide.text */
    bool used;
};
static struct {
    char text[GUIDE_MAX];
    struct block blocks[BLOCKS_MAX];
    size_t count;
} guide;

enum { DB1, DB2 };
static struct {
    const char *cluster, *host, *database;
    char place[200];        /* host=… port=… */
    struct pgx_conn *super; /* in the database */
} servers[] = {
    [DB1] = {.cluster = "source", .host = "host=db1", .database = "shop"},
    [DB2] = {.cluster = "target", .host = "host=db2", .database = "acme"},
};
static char home[300]; /* of the engine's user */

/* ---- the guide ---- */

static void read_guide(void)
{
    FILE *file = fopen(GUIDE, "r");

    assert_non_null(file);
    guide.text[fread(guide.text, 1, GUIDE_MAX - 1, file)] = '\0';
    fclose(file);
    guide.count = 0;
    for (char *at = strstr(guide.text, "\n```"); at; at = strstr(at, "\n```")) {
        char *text = strchr(at + 1, '\n') + 1, *end = strstr(text - 1, "\n```");

        assert_non_null(end);
        assert_true(strncmp(at, "\n```sql\n", 8) == 0 || strncmp(at, "\n```sh\n", 7) == 0);
        assert_true(guide.count < BLOCKS_MAX);
        guide.blocks[guide.count++] = (struct block){.is_sql = at[5] == 'q', .text = text};
        end[1] = '\0';
        at = end + 2;
    }
}

/* The first block that begins so and was not used yet, or else that was. */
static struct block *block(const char *beginning)
{
    struct block *found = NULL;

    for (size_t i = 0; i < guide.count; i++) {
        struct block *b = &guide.blocks[i];

        if (strncmp(b->text, beginning, strlen(beginning)) == 0 && (!found || (found->used && !b->used)))
            found = b;
    }
    if (!found)
        fail_msg("the guide has no block that begins with \"%s\"", beginning);
    found->used = true;
    return found;
}

static void assert_all_was_executed(void)
{
    for (size_t i = 0; i < guide.count; i++)
        if (!guide.blocks[i].used)
            fail_msg("nobody executes this part of the guide: %s", guide.blocks[i].text);
}

/* ---- where it is executed ---- */

static void sql(const char *beginning, int server)
{
    struct tmv_error err;

    assert_done(pgx_script(servers[server].super, SUPPORT_TIMEOUT_US, block(beginning)->text, 0, NULL, &err),
                &err);
}

/* The commands with the hosts' real places. */
static void put_places_in(const char *text, struct buf *out)
{
    while (*text) {
        size_t i = 0;

        while (i < ARRAY_LEN(servers) && strncmp(text, servers[i].host, strlen(servers[i].host)) != 0)
            i++;
        if (i < ARRAY_LEN(servers)) {
            buf_printf(out, "%s", servers[i].place);
            text += strlen(servers[i].host);
        } else {
            buf_printf(out, "%c", *text++);
        }
    }
}

/* In a shell of the engine's user: its home, its passwords, the program in its path. */
static pid_t begin_shell(const char *before, const char *beginning, const char *output)
{
    AUTO(buf) struct buf script = BUF_INIT(GUIDE_MAX);
    char its_home[340], path[2000];
    const char *const environment[] = {its_home,           path,     "XDG_CONFIG_HOME", "PGPASSFILE",
                                       "TENANTMV_CONTROL", "PGUSER", "PGPASSWORD",      NULL};

    snprintf(its_home, sizeof its_home, "HOME=%s", home);
    snprintf(path, sizeof path, "PATH=%s/bin:%s", home, getenv("PATH"));
    buf_printf(&script, "%s", before);
    put_places_in(block(beginning)->text, &script);
    const char *const argv[] = {"/bin/sh", "-eu", "-c", buf_text(&script), NULL};
    return spawn_program(
        &(struct spawn){.argv = argv, .environment = environment, .out = output, .err = output});
}

static void read_output(const char *path, char text[20000])
{
    FILE *file = fopen(path, "r");

    text[0] = '\0';
    if (file) {
        text[fread(text, 1, 19999, file)] = '\0';
        fclose(file);
    }
}

/* Runs a block to its end; what it printed is valid until the next one. */
static const char *shell(const char *beginning)
{
    static char printed[20000];
    char output[340];
    int status = 0;

    snprintf(output, sizeof output, "%s/output", home);
    unlink(output);
    pid_t pid = begin_shell("", beginning, output);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    read_output(output, printed);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s: status %x\n%s", beginning, (unsigned)status, printed);
    return printed;
}

static void says(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

/* ---- the servers, the people ---- */

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void start_server(int i)
{
    static const char *const settings[] = {"password_encryption=scram-sha-256", NULL};
    struct cluster *cluster = support_cluster(servers[i].cluster, settings);
    char conninfo[CLUSTER_CONNINFO_MAX], path[400];
    struct tmv_error err;

    assert_done(cluster_create_database(cluster, servers[i].database, &err), &err);
    cluster_conninfo(cluster, servers[i].database, conninfo);
    servers[i].super = support_connect(conninfo);
    snprintf(servers[i].place, sizeof servers[i].place, "%.*s", (int)(strstr(conninfo, " user=") - conninfo),
             conninfo);
    /* without the rights that PUBLIC has on the schema before PostgreSQL 15 */
    support_sql(servers[i].super, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    snprintf(path, sizeof path, "%s/pg_hba.conf", cluster_data_dir(cluster));
    write_file(path, "local all postgres trust\nlocal all all scram-sha-256\n", 0600);
    support_sql(servers[i].super, "SELECT pg_reload_conf()");
}

/* The source as it is before anybody thinks of a move: the application, its table, and events. */
static void make_the_shop(void)
{
    struct tmv_store_info shop = {.id = "shared", .events_schema = "public", .events_table = "events"};
    struct tmv_error err;

    snprintf(shop.conninfo, sizeof shop.conninfo, "%s dbname=shop user=postgres", servers[DB1].place);
    assert_done(tmv_store_create_events(&shop, &err), &err);
    support_sql(servers[DB1].super,
                "CREATE ROLE app LOGIN PASSWORD 'the app''s'; GRANT SELECT, INSERT ON public.events TO app; "
                "GRANT USAGE ON SEQUENCE public.events_global_position_seq TO app; "
                "CREATE TABLE public.jobs (late boolean)");
    assert_true(tmv_uuid_parse(ACME, &l.tenant));
    support_fill(servers[DB1].super, &l.tenant, 20, 10);
}

static void make_people(void)
{
    char path[400];

    snprintf(home, sizeof home, "%s/engine", support_temporary_dir());
    assert_int_equal(mkdir(home, 0700), 0);
    snprintf(path, sizeof path, "%s/bin", home);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/bin/tenantmv", home);
    assert_int_equal(symlink(getenv("TENANTMV_PROGRAM"), path), 0);
    snprintf(path, sizeof path, "%s/.pgpass", home);
    write_file(path, "*:*:*:engine:the engine's\n*:*:*:tenantmv_watch:the watcher's\n", 0600);
    /* this process is the application: it knows its own password only */
    snprintf(path, sizeof path, "%s/pgpass-app", support_temporary_dir());
    write_file(path, "*:*:*:app:the app's\n", 0600);
    assert_int_equal(setenv("PGPASSFILE", path, 1), 0);
    snprintf(l.control, sizeof l.control, "%s dbname=shop user=app", servers[DB1].place);
}

static void assert_asks_for_a_password(int server)
{
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct pgx_conn *conn = NULL;
    struct tmv_error err;

    snprintf(conninfo, sizeof conninfo, "%s dbname=%s user=engine", servers[server].place,
             servers[server].database);
    for (int64_t until = clock_now_us() + 20 * US_PER_S; clock_now_us() < until;) {
        bool in = pgx_connect(&(struct pgx_options){.conninfo = conninfo}, &conn, &err);
        if (!in)
            break; /* the changed rules are in force */
        pgx_close(conn);
        stop_sleep(NULL, 20 * US_PER_MS);
    }
    assert_string_equal(err.sqlstate, "28P01");
}

/* ---- the case ---- */

static void make_the_roles(void)
{
    for (int i = 0; i < 2; i++) {
        sql("CREATE ROLE engine", i);
        support_sql(servers[i].super, "ALTER ROLE engine PASSWORD 'the engine''s'"); /* \password engine */
        assert_asks_for_a_password(i);
    }
    sql("GRANT CREATE ON DATABASE shop", DB1);
    sql("GRANT CREATE ON DATABASE acme", DB2);
    support_sql(servers[DB1].super, "GRANT SELECT ON public.jobs TO engine");
    says(shell("mkdir -p"), "own role");
    sql("GRANT USAGE ON SCHEMA public, tenantmv TO engine", DB1);
    sql("CREATE ROLE app", DB2);
    support_sql(servers[DB2].super, "ALTER ROLE app PASSWORD 'the app''s'"); /* \password app */
    sql("GRANT USAGE ON SCHEMA tenantmv TO app", DB1);
    shell("tenantmv init --read-only-role");
    support_sql(servers[DB1].super,
                "ALTER ROLE tenantmv_watch PASSWORD 'the watcher''s'"); /* \\password tenantmv_watch */
}

/* The watcher's role has nothing to do with a store, and reads what the engine saw of both. */
static void watch_the_stores(void)
{
    assert_int_equal(
        support_int(servers[DB2].super, "SELECT count(*) FROM pg_roles WHERE rolname = 'tenantmv_watch'"), 0);
    support_sql(servers[DB1].super, "SET ROLE tenantmv_watch");
    support_wait_until(
        servers[DB1].super,
        "SELECT count(*) FILTER (WHERE measured_at > clock_timestamp() - interval '5 s') = 2 AND "
        "NOT has_table_privilege('public.events', 'SELECT') FROM tenantmv.store_observation");
    support_sql(servers[DB1].super, "RESET ROLE");
    shell("tenantmv watch --once");
}

/* Who writes in a store: the application, as itself. */
static void assert_the_application_is_itself(int server)
{
    assert_true(
        support_int(servers[server].super,
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tenantmv/router' "
                    "AND usename = 'app'") > 0);
    assert_int_equal(support_int(servers[server].super,
                                 "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
                                 "'tenantmv/%%' AND usename NOT IN ('app', 'engine', 'postgres')"),
                     0);
}

static void moves_a_tenant_word_for_word(void **state)
{
    char output[340];
    int status;

    (void)state;
    make_the_roles();
    struct steady_writer *writer = steady_writer_start();
    steady_writer_await(writer, 5, NULL, 0);
    assert_the_application_is_itself(DB1);
    says(shell("tenantmv preflight acme"), "engine may do there all that an engine does");
    snprintf(output, sizeof output, "%s/worker", home);
    pid_t worker = begin_shell("exec ", "tenantmv worker", output);
    watch_the_stores();
    shell("tenantmv start acme");
    shell("tenantmv abort acme");
    shell("tenantmv start acme");
    steady_writer_await(writer, 5, NULL, 0);
    shell("tenantmv limit acme");
    shell("tenantmv rehearse acme");
    shell("tenantmv cutover acme");
    steady_writer_await(writer, 20, NULL, 0);
    assert_the_application_is_itself(DB2);
    shell("tenantmv status acme"); /* verify --direct too */
    int written = steady_writer_end(writer);
    free(writer);
    assert_int_equal(
        support_int(servers[DB2].super, "SELECT count(*) FROM public.events WHERE tenant_id = '" ACME "'"),
        200 + written);
    kill(worker, SIGTERM);
    assert_int_equal(waitpid(worker, &status, 0), worker);
    assert_all_was_executed();
}

static int set_up(void **state)
{
    (void)state;
    memset(&l, 0, sizeof l);
    read_guide();
    for (int i = 0; i < 2; i++)
        start_server(i);
    make_the_shop();
    make_people();
    return 0;
}

static int take_down(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        pgx_close(TAKE(servers[i].super));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(moves_a_tenant_word_for_word, set_up, take_down),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

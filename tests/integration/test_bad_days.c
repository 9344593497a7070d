/* Bad input and bad days: whatever is wrong with a server, a request or the data, there is a clear message
 * that says what to do, the source stays as it was, nothing is lost, and the migration can go on afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "support/fake_server.h"
#include "support/support.h"
#include "tenantmv/preflight.h"
#include "test.h"

static struct {
    struct tmv_store_info source, target;
    struct tmv_control *control;
    struct tmv_uuid tenant;
} bed;

static int set_up(void **state)
{
    struct tmv_error err = {0};
    struct pgx_conn *conn;

    if (support_setup(state) != 0)
        return -1;
    bed.tenant = tmv_uuid_random();
    support_store(support_cluster("source", NULL), "shared", false, &bed.source);
    support_store(support_cluster("target", NULL), "dedicated", false, &bed.target);
    conn = support_connect(bed.source.conninfo);
    support_fill(conn, &bed.tenant, 5, 4);
    pgx_close(conn);
    assert_done(tmv_control_init(bed.source.conninfo, &err), &err);
    assert_done(tmv_control_open(bed.source.conninfo, &bed.control, &err), &err);
    assert_done(tmv_store_add(bed.control, &bed.source, &err), &err);
    assert_done(tmv_store_add(bed.control, &bed.target, &err), &err);
    assert_done(tmv_routing_register(bed.control, &bed.tenant, "shared", &err), &err);
    return 0;
}

static int tear_down(void **state)
{
    tmv_control_close(bed.control);
    return support_teardown(state);
}

/* What preflight says of a target with this connection string; the caller frees. */
static struct tmv_preflight *preflight_to(const char *conninfo)
{
    struct tmv_start_options options = {.tenant = bed.tenant, .target = NULL};
    static int others;
    struct tmv_store_info other = bed.target;
    struct tmv_preflight *p = NULL;
    struct tmv_error err = {0};

    tmv_settings_default(&options.settings);
    snprintf(other.id, sizeof other.id, "other%d", ++others);
    options.target = other.id;
    snprintf(other.conninfo, sizeof other.conninfo, "%s", conninfo);
    assert_done(tmv_store_add(bed.control, &other, &err), &err);
    assert_done(tmv_preflight_run(bed.control, &options, false, &p, &err), &err);
    assert_true(p->refusals > 0);
    return p;
}

/* The row of the target's connection is refused, says `seen` and what to do: `todo`. */
static void assert_unreachable(const char *conninfo, const char *seen, const char *todo)
{
    struct tmv_preflight *p = preflight_to(conninfo);
    const struct tmv_check *row = NULL;

    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->checks[i].name, "target-reachable") == 0)
            row = &p->checks[i];
    assert_non_null(row);
    if (row->verdict != TMV_VERDICT_REFUSE || !strstr(row->seen, seen) || !strstr(row->todo, todo))
        fail_msg("%s: %s\n  %s", tmv_verdict_name(row->verdict), row->seen, row->todo);
    tmv_preflight_free(p);
}

/* A connection that fails says the same through every door. */
static void assert_cannot_open(const char *conninfo, enum tmv_code code, const char *says, const char *hint)
{
    struct tmv_control *control = NULL;
    struct tmv_error err = {0};

    assert_fails(tmv_control_open(conninfo, &control, &err), &err, code);
    if (!strstr(err.message, says) || !strstr(err.hint, hint))
        fail_msg("%s\n  %s", err.message, err.hint);
}

static void says_what_to_do_when_a_database_is_unreachable(void **state)
{
    char conninfo[300];

    (void)state;
    snprintf(conninfo, sizeof conninfo, "host=%s dbname=x", support_temporary_dir());
    assert_unreachable(conninfo, "cannot connect", "check that the server runs");
    assert_cannot_open(conninfo, TMV_ERR_UNREACHABLE, "cannot connect", "check that the server runs");
}

static void says_what_to_do_when_a_database_does_not_exist(void **state)
{
    char conninfo[CLUSTER_CONNINFO_MAX];

    (void)state;
    cluster_conninfo(support_cluster("target", NULL), "no_such_database", conninfo);
    assert_unreachable(conninfo, "does not exist", "check the database and role names");
    assert_cannot_open(conninfo, TMV_ERR_UNREACHABLE, "does not exist", "check the database and role names");
}

/* Makes the server ask one role for its password and refuse another outright. */
static void demand_passwords(struct cluster *cluster)
{
    struct pgx_conn *conn = support_connect(bed.target.conninfo);
    char path[600];
    static char rest[32768];
    FILE *file;

    support_sql(conn, "CREATE ROLE guarded LOGIN PASSWORD 'right'; CREATE ROLE banned LOGIN");
    snprintf(path, sizeof path, "%s/pg_hba.conf", cluster_data_dir(cluster));
    file = fopen(path, "re");
    assert_non_null(file);
    rest[fread(rest, 1, sizeof rest - 1, file)] = '\0';
    fclose(file);
    file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "local all guarded scram-sha-256\nlocal all banned reject\n%s", rest);
    fclose(file);
    support_sql(conn, "SELECT pg_reload_conf()");
    pgx_close(conn);
}

static bool is_refused(const char *conninfo, const char *why)
{
    struct pgx_options options = {.conninfo = conninfo, .part = "test"};
    AUTO_CONN struct pgx_conn *conn = NULL;
    struct tmv_error err = {0};

    return !pgx_connect(&options, &conn, &err) && strstr(err.message, why);
}

static void says_what_to_do_when_the_password_is_wrong_or_the_server_refuses(void **state)
{
    char conninfo[TMV_CONNINFO_MAX + 32];

    (void)state;
    demand_passwords(support_cluster("target", NULL));
    snprintf(conninfo, sizeof conninfo, "%s user=banned", bed.target.conninfo);
    for (int i = 0; i < 1000 && !is_refused(conninfo, "pg_hba.conf"); i++)
        stop_sleep(NULL, 10000); /* until the server has read the file again */
    assert_unreachable(conninfo, "pg_hba.conf", "see pg_hba.conf");
    snprintf(conninfo, sizeof conninfo, "%s user=guarded", bed.target.conninfo);
    assert_unreachable(conninfo, "no password supplied", "~/.pgpass");
    assert_int_equal(setenv("PGPASSWORD", "wrong", 1), 0);
    assert_unreachable(conninfo, "password authentication failed", "~/.pgpass");
    assert_cannot_open(conninfo, TMV_ERR_UNREACHABLE, "password authentication failed", "~/.pgpass");
    assert_int_equal(unsetenv("PGPASSWORD"), 0);
}

/* By SQLSTATE: none of these has a word that tenantmv could know. */
static void says_what_to_do_in_any_language(void **state)
{
    static const struct {
        const char *sqlstate, *words, *hint;
    } cases[] = {
        {"28P01", "Passwort-Authentifizierung für Benutzer »x« fehlgeschlagen", "~/.pgpass"},
        {"28000", "Rolle »x« existiert nicht", "see pg_hba.conf"},
        {"3D000", "Datenbank »x« existiert nicht", "check the database and role names"},
        {"42501", "keine Berechtigung für Datenbank »x«", "GRANT CONNECT"},
        {"53300", "tut mir leid, schon zu viele Verbindungen", "max_connections"},
        {"57P03", "das Datenbanksystem startet", "wait until it accepts connections"},
        {"XX000", "authentication failed, pg_hba.conf does not exist", "check that the server runs"},
    };
    char conninfo[300];

    (void)state;
    snprintf(conninfo, sizeof conninfo, "host=%s user=x dbname=x", support_temporary_dir());
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake_server_options options = {.directory = support_temporary_dir(),
                                              .refuses_with = cases[i].sqlstate,
                                              .refusal = cases[i].words};
        struct fake_server *server = fake_server_start(&options);
        struct tmv_control *control = NULL;
        struct tmv_error err = {0};

        assert_fails(tmv_control_open(conninfo, &control, &err), &err, TMV_ERR_UNREACHABLE);
        fake_server_stop(server);
        assert_string_equal(err.sqlstate, cases[i].sqlstate);
        if (!strstr(err.message, cases[i].words) || !strstr(err.hint, cases[i].hint) ||
            strstr(err.message, cases[i].sqlstate) || strstr(err.message, "auth.c"))
            fail_msg("%s\n  %s", err.message, err.hint);
    }
}

static void refuses_a_server_that_is_too_old(void **state)
{
    struct fake_server_options options = {
        .directory = support_temporary_dir(), .server_version = "12.22", .told_pid = 7, .answered_pid = 7};
    struct fake_server *server = fake_server_start(&options);
    char conninfo[300];

    (void)state;
    snprintf(conninfo, sizeof conninfo, "host=%s user=x dbname=x", support_temporary_dir());
    assert_unreachable(conninfo, "runs PostgreSQL 12; 13 or later is needed", "upgrade");
    assert_cannot_open(conninfo, TMV_ERR_REFUSED, "13 or later", "upgrade");
    fake_server_stop(server);
}

static void refuses_a_pooler_in_between(void **state)
{
    struct fake_server_options options = {
        .directory = support_temporary_dir(), .server_version = "15.4", .told_pid = 7, .answered_pid = 4711};
    struct fake_server *server = fake_server_start(&options);
    char conninfo[300];

    (void)state;
    snprintf(conninfo, sizeof conninfo, "host=%s user=x dbname=x", support_temporary_dir());
    assert_unreachable(conninfo, "pooler", "address of the PostgreSQL server itself");
    fake_server_stop(server);
}

static void names_the_command_that_makes_a_missing_control_schema(void **state)
{
    char conninfo[CLUSTER_CONNINFO_MAX];

    (void)state;
    support_database(support_cluster("target", NULL), conninfo);
    assert_cannot_open(conninfo, TMV_ERR_REFUSED, "", "tenantmv init");
}

static void refuses_to_start_what_it_does_not_know(void **state)
{
    struct tmv_start_options options = {.tenant = bed.tenant, .target = "nowhere"};
    struct tmv_actor actor = {.name = "amy", .from = "test"};
    struct tmv_request request = {.operation = TMV_OP_PAUSE, .migration = tmv_uuid_random()};
    struct tmv_error err = {0};
    struct tmv_uuid id;

    (void)state;
    tmv_settings_default(&options.settings);
    assert_false(tmv_start(bed.control, &options, &actor, &id, &err));
    assert_non_null(strstr(err.message, "nowhere"));
    assert_string_not_equal(err.hint, "");
    options.target = "dedicated";
    options.tenant = tmv_uuid_random();
    assert_false(tmv_start(bed.control, &options, &actor, &id, &err));
    assert_string_not_equal(err.hint, "");
    options.tenant = bed.tenant;
    options.target = "shared";
    assert_fails(tmv_start(bed.control, &options, &actor, &id, &err), &err, TMV_ERR_REFUSED);
    assert_fails(tmv_request(bed.control, &request, &actor, &id, &err), &err, TMV_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_to_do_when_a_database_is_unreachable),
        cmocka_unit_test(says_what_to_do_when_a_database_does_not_exist),
        cmocka_unit_test(says_what_to_do_when_the_password_is_wrong_or_the_server_refuses),
        cmocka_unit_test(says_what_to_do_in_any_language),
        cmocka_unit_test(refuses_a_server_that_is_too_old),
        cmocka_unit_test(refuses_a_pooler_in_between),
        cmocka_unit_test(names_the_command_that_makes_a_missing_control_schema),
        cmocka_unit_test(refuses_to_start_what_it_does_not_know),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* The stores on a screen: read from what engines wrote, by those who have no way to a store. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "console_pty.h"
#include "integration/control_fixture.h"
#include "support/silent_server.h"
#include "tenantmv/stores.h"

/* `flag` may be NULL. */
static struct pty *open_program(const char *command, const char *flag, const char *conninfo)
{
    const char *program = getenv("TENANTMV_PROGRAM");

    assert_non_null(program);
    const char *argv[] = {program, command, "--control", conninfo, "--operator", "amy", flag, NULL};
    const struct pty_options options = {argv, NULL, 100, 30};

    return pty_start(&options);
}

/* What an engine sees of a store. */
struct sight {
    struct control_fixture *fixture;
    const char *store;
    const struct tmv_error *why; /* NULL: all is well */
};

/* It sees it this moment. */
static void an_engine_sees(void *user)
{
    const struct sight *sight = user;
    const struct tmv_store_look look = {.server_version = 150018, .connections = 23, .connections_max = 99};
    const struct engine_identity engine = {.id = sight->fixture->tenant, .name = "worker one"};
    struct tmv_store_info info;
    struct tmv_error err = {0};

    assert_done(tmv_store_get(sight->fixture->control, sight->store, &info, &err), &err);
    const struct observation seen = {
        .store = &info, .at_us = clock_now_us(), .look = sight->why ? NULL : &look, .why = sight->why};
    assert_done(control_observe(sight->fixture->conn, &engine, &seen, &err), &err);
}

/* A role that has no right in any store, and stores to which there is no way from here: what engines wrote is
 * shown with its age, and nobody knocks at a store. */
static void a_watcher_reads_the_stores_without_a_way_to_them(void **state)
{
    const struct tmv_error why = {.code = TMV_ERR_UNREACHABLE, .message = "no route to it"};
    struct control_fixture fixture;
    struct sight sight = {.fixture = &fixture, .store = "shared"};
    char silent[300], conninfo[CLUSTER_CONNINFO_MAX + 60];
    int fd = silent_server(silent);
    struct tmv_error err = {0};
    struct pty *pty;

    (void)state;
    control_fixture_open(&fixture);
    support_sql(fixture.conn, "UPDATE tenantmv.store SET conninfo = '%s' WHERE id = 'shared'", silent);
    assert_done(tmv_control_read_only_role(fixture.conninfo, "store_looker", &err), &err);
    snprintf(conninfo, sizeof conninfo, "%s user=store_looker", fixture.conninfo);
    pty = open_program("watch", NULL, conninfo);
    pty_wait_text(pty, "LIVE");
    pty_send(pty, "5G");
    pty_wait_text(pty, "no engine runs");
    /* an engine looks again and again: what it saw once is soon too old to be shown */
    pty_wait_text_while(pty, "23/99", an_engine_sees, &sight);
    pty_wait_text_while(pty, "by worker one", an_engine_sees, &sight);
    sight.why = &why;
    pty_wait_text_while(pty, "no route to it", an_engine_sees, &sight);
    /* the engine is gone */
    pty_wait_no_text(pty, "23/99");
    pty_wait_text(pty, "no engine runs");
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(accept(fd, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN); /* nobody came */
    /* what the role may not read spoils nothing else */
    support_sql(fixture.conn, "REVOKE SELECT ON tenantmv.store_observation FROM store_looker");
    pty_wait_text(pty, "store_observation TO \"store_looker\"");
    pty_wait_text(pty, "LIVE");
    pty_send(pty, "qq"); /* the screen, then the program */
    pty_expect_exit(pty, 0);
    pty_free(pty);
    support_sql(fixture.conn, "DROP OWNED BY store_looker; DROP ROLE store_looker");
    control_fixture_close(&fixture);
    close(fd);
}

/* A console looks at them all at the same time, with an engine in it or without. */
static void check_that_no_server_delays_another(const char *flag)
{
    struct control_fixture fixture;
    char conninfo[300];
    int fd = silent_server(conninfo);
    struct pty *pty;

    control_fixture_open(&fixture);
    support_sql(
        fixture.conn,
        "INSERT INTO tenantmv.store (id, conninfo) SELECT 'hung-' || n, '%s' FROM generate_series(1, 40) n; "
        "INSERT INTO tenantmv.store (id, conninfo) VALUES ('zzz-good', '%s')",
        conninfo, fixture.conninfo);
    pty = open_program("console", flag, fixture.conninfo);
    pty_wait_text(pty, "LIVE");
    pty_send(pty, "5G");
    pty_wait_text(pty, "primary");
    pty_send(pty, "qq"); /* the screen, then the program */
    pty_expect_exit(pty, 0);
    pty_free(pty);
    control_fixture_close(&fixture);
    close(fd);
}

static void a_server_that_never_answers_delays_no_other(void **state)
{
    (void)state;
    check_that_no_server_delays_another(NULL);
}

static void a_console_without_an_engine_looks_at_the_stores_too(void **state)
{
    (void)state;
    check_that_no_server_delays_another("--no-engine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watcher_reads_the_stores_without_a_way_to_them),
        cmocka_unit_test(a_server_that_never_answers_delays_no_other),
        cmocka_unit_test(a_console_without_an_engine_looks_at_the_stores_too),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

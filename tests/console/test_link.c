/* Bad links and bad input on real databases: terminals that come and go, servers that hang, what strangers
 * wrote into the tables, and pasted scripts. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console_pty.h"
#include "integration/control_fixture.h"
#include "support/life.h"
#include "support/silent_server.h"

#define SOON_US INT64_C(8000000) /* less than the ten seconds that a connection may take */

static const char *program(void)
{
    const char *path = getenv("TENANTMV_PROGRAM");

    assert_non_null(path);
    return path;
}

static struct pty *open_program(const char *command, const char *conninfo, const char *flag)
{
    const char *argv[] = {program(), command, "--control", conninfo, "--operator", "amy", flag, NULL};
    struct pty_options options = {argv, NULL, 100, 30};

    return pty_start(&options);
}

/* The connections that the role has know nothing of it. */
static void change_rights(struct control_fixture *fixture, const char *sql)
{
    support_sql(fixture->conn, "%s", sql);
    support_sql(fixture->conn,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'looker'");
}

/* One that gets what an engine needs starts its engine at the next connection. */
static void become_engine(struct control_fixture *fixture, const char *conninfo)
{
    struct tmv_rights rights;
    struct tmv_error err = {0};
    struct pty *pty = open_program("console", conninfo, NULL);

    pty_wait_text(pty, "[READ-ONLY]");
    assert_done(tmv_control_rights(conninfo, &rights, &err), &err);
    change_rights(fixture, rights.grants);
    pty_wait_text(pty, "engine here");
    pty_wait_text(pty, "[OPERATE]");
    pty_send(pty, "q");
    pty_expect_exit(pty, 0);
    pty_free(pty);
}

/* A role that may only look gets a console that says so, without an engine; one that may ask but not run an
 * engine gets one that says that. */
static void a_console_is_what_its_role_may_do(void **state)
{
    struct control_fixture fixture;
    struct tmv_error err = {0};
    char conninfo[CLUSTER_CONNINFO_MAX + 60];
    struct pty *pty;

    (void)state;
    control_fixture_open(&fixture);
    assert_done(tmv_control_read_only_role(fixture.conninfo, "looker", &err), &err);
    snprintf(conninfo, sizeof conninfo, "%s user=looker", fixture.conninfo);
    pty = open_program("console", conninfo, NULL);
    pty_wait_text(pty, "LIVE");
    pty_wait_text(pty, "[READ-ONLY]");
    pty_wait_no_text(pty, "engine here");
    pty_wait_no_text(pty, "p pause");
    pty_send(pty, "p");
    pty_wait_text(pty, "read only");
    /* what it may do is asked again at each connection; rights on columns are rights */
    change_rights(&fixture, "GRANT INSERT (operation) ON tenantmv.command TO looker");
    pty_wait_text(pty, "[OPERATE]");
    pty_wait_text(pty, "no engine: its role lacks rights");
    change_rights(&fixture, "REVOKE INSERT (operation) ON tenantmv.command FROM looker");
    pty_wait_text(pty, "[READ-ONLY]");
    assert_int_equal(support_int(fixture.conn,
                                 "SELECT count(*) FROM pg_stat_activity WHERE usename = 'looker' AND "
                                 "application_name LIKE 'tenantmv/engine%%'"),
                     0);
    pty_send(pty, "q");
    pty_expect_exit(pty, 0);
    pty_free(pty);
    become_engine(&fixture, conninfo);
    support_sql(fixture.conn, "DROP OWNED BY looker; DROP ROLE looker");
    control_fixture_close(&fixture);
}

static int64_t commands(struct pgx_conn *conn)
{
    return support_int(conn, "SELECT count(*) FROM tenantmv.command WHERE operation <> 'start'");
}

/* ---- servers ---- */

static void a_server_that_never_answers_stops_no_key(void **state)
{
    char conninfo[300];
    int fd = silent_server(conninfo);
    struct pty *pty = open_program("console", conninfo, NULL);
    int64_t began_us = clock_now_us();

    (void)state;
    pty_wait_text(pty, "CONNECTING");
    assert_false(pty_shows(pty, "[OPERATE]")); /* not known */
    if (clock_now_us() - began_us > SOON_US)
        fail_msg("the first picture took %lld ms", (long long)((clock_now_us() - began_us) / 1000));
    for (int i = 0; i < 5; i++) {
        pty_send(pty, "?");
        pty_wait_text(pty, "Esc closes");
        pty_send(pty, "?");
        pty_wait_no_text(pty, "Esc closes");
    }
    pty_send(pty, "q");
    pty_expect_exit(pty, 0);
    pty_free(pty);
    close(fd);
}

static void allow_connections(struct pgx_conn *elsewhere, const char *database, bool allowed)
{
    support_sql(elsewhere, "ALTER DATABASE \"%s\" ALLOW_CONNECTIONS %s", database,
                allowed ? "true" : "false");
    if (!allowed)
        support_sql(elsewhere, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'",
                    database);
}

static void a_flapping_server_is_live_again_each_time(void **state)
{
    struct control_fixture fixture;
    char elsewhere[CLUSTER_CONNINFO_MAX];
    char *database;
    struct pgx_conn *conn;
    struct pty *pty;

    (void)state;
    control_fixture_open(&fixture);
    database = support_text(fixture.conn, "SELECT current_database()");
    support_database(support_cluster("source", NULL), elsewhere);
    conn = support_connect(elsewhere);
    pty = open_program("watch", fixture.conninfo, NULL);
    for (int i = 0; i < 3; i++) {
        pty_wait_text(pty, "LIVE");
        allow_connections(conn, database, false);
        pty_wait_text(pty, "OFFLINE");
        allow_connections(conn, database, true);
    }
    pty_wait_text(pty, "LIVE");
    pty_free(pty);
    pgx_close(conn);
    free(database);
    control_fixture_close(&fixture);
}

static void what_a_server_notes_does_not_tear_the_picture(void **state)
{
    struct control_fixture fixture;
    char *database;
    struct pty *pty;
    size_t size;
    const char *output;

    (void)state;
    control_fixture_open(&fixture);
    database = support_text(fixture.conn, "SELECT current_database()");
    /* every statement is answered with its parse tree as a message */
    support_sql(fixture.conn, "ALTER DATABASE \"%s\" SET client_min_messages = 'log'", database);
    support_sql(fixture.conn, "ALTER DATABASE \"%s\" SET debug_print_parse = on", database);
    pty = open_program("watch", fixture.conninfo, NULL);
    pty_wait_text(pty, "LIVE");
    pty_settle(pty, 300);
    output = pty_output(pty, &size);
    assert_null(memmem(output, size, "QUERY", 5));
    assert_null(memmem(output, size, "LOG:", 4));
    pty_send(pty, "q");
    pty_expect_exit(pty, 0);
    pty_free(pty);
    free(database);
    control_fixture_close(&fixture);
}

/* ---- what strangers wrote ---- */

static void assert_harmless(const char *output, size_t size)
{
    static const char *const never[] = {"\033]0;", "\033[6n", "owned\007", "\u202e", "\u200b", "\u2066"};

    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        assert_null(memmem(output, size, never[i], strlen(never[i])));
}

/* Clears the screen, sets a title, turns the writing direction, asks for an answer, and is long. */
static void write_hostile(struct control_fixture *fixture)
{
    support_sql(fixture->conn, "UPDATE tenantmv.migration_state SET note = E'%s'",
                "\\u001b[2J\\u001b]0;owned\\u0007\\u202eevil\\u200b\\u2066\\u001b[6n%s%n\\rX\\nY\\u007f");
    support_sql(fixture->conn,
                "UPDATE public.tenant_migrations SET last_error = (SELECT note || repeat('long ', 800) FROM "
                "tenantmv.migration_state LIMIT 1), created_by = (SELECT left(note, 60) FROM "
                "tenantmv.migration_state LIMIT 1)");
    support_sql(fixture->conn, "UPDATE public.migration_audit_log SET operator = (SELECT left(note, 60) FROM "
                               "tenantmv.migration_state LIMIT 1)");
}

static void hostile_texts_are_harmless_on_every_screen(void **state)
{
    struct control_fixture fixture;
    struct pty *pty;
    size_t size;
    const char *output;

    (void)state;
    control_fixture_open(&fixture);
    control_fixture_own(&fixture);
    write_hostile(&fixture);
    pty = open_program("console", fixture.conninfo, "--no-engine");
    pty_wait_text(pty, "LIVE");
    pty_wait_text(pty, "evil");
    for (const char *key = "1234561"; *key != '\0'; key++) {
        pty_send(pty, (char[]){*key, '\0'});
        pty_settle(pty, 150);
        pty_wait_text(pty, "tenantmv");
    }
    pty_send_alone(pty, "x"); /* a dialog names things as well */
    pty_settle(pty, 200);
    output = pty_output(pty, &size);
    assert_harmless(output, size);
    assert_int_equal(commands(fixture.conn), 0);
    pty_free(pty);
    control_fixture_close(&fixture);
}

static void hostile_texts_are_harmless_in_lines(void **state)
{
    static const char *const forms[] = {"watch --once", "watch --once --ascii", "watch --once --json", "list",
                                        "status --json"};
    struct control_fixture fixture;

    (void)state;
    control_fixture_open(&fixture);
    control_fixture_own(&fixture);
    write_hostile(&fixture);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char command[900], output[65536];
        size_t size;
        FILE *out;
        snprintf(command, sizeof command, "'%s' %s --control '%s' 2>&1", program(), forms[i],
                 fixture.conninfo);
        out = popen(command, "r");
        assert_non_null(out);
        size = fread(output, 1, sizeof output, out);
        pclose(out);
        assert_true(size > 20);
        assert_null(memchr(output, '\033', size));
        assert_null(memchr(output, '\r', size));
        if (strstr(forms[i], "json") == NULL) /* JSON escapes what is below space; the rest is data */
            assert_harmless(output, size);
    }
    control_fixture_close(&fixture);
}

/* ---- watching ---- */

static int watch_code(const char *conninfo, const char *flags)
{
    char command[900];

    snprintf(command, sizeof command, "'%s' watch --once %s --control '%s' >/dev/null 2>&1", program(), flags,
             conninfo);
    return WEXITSTATUS(system(command));
}

static void watch_once_ends_as_a_monitoring_check_does(void **state)
{
    static const struct {
        const char *change;
        int code;
    } cases[] = {
        {"SELECT 1", 0},
        {"UPDATE public.tenant_migrations SET is_paused = true", 1},
        {"UPDATE public.tenant_migrations SET is_paused = false, created_at = now() - interval '1 hour'; "
         "UPDATE tenantmv.lease SET engine = NULL, "
         "heartbeat_at = now() - interval '1 hour'",
         2},
        {"UPDATE public.tenant_migrations SET phase = 'failed', last_error = 'TM131 refused'", 2},
        {"UPDATE public.tenant_migrations SET phase = 'aborted', last_error = NULL", 0},
    };
    struct control_fixture fixture;
    char silent[300];
    int fd;

    (void)state;
    control_fixture_open(&fixture);
    control_fixture_own(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        support_sql(fixture.conn, "%s", cases[i].change);
        if (watch_code(fixture.conninfo, "") != cases[i].code)
            fail_msg("%d after: %s", watch_code(fixture.conninfo, ""), cases[i].change);
        assert_int_equal(watch_code(fixture.conninfo, "--json"), cases[i].code);
    }
    control_fixture_close(&fixture);
    assert_int_equal(watch_code("host=/nonexistent dbname=none", ""), 4);
    assert_int_equal(watch_code("host=/nonexistent dbname=none", "--json"), 4);
    fd = silent_server(silent);
    assert_int_equal(watch_code(silent, ""), 4);
    close(fd);
}

static void a_display_on_a_wall_hears_only_ctrl_c(void **state)
{
    struct control_fixture fixture;
    struct pty *pty;

    (void)state;
    control_fixture_open(&fixture);
    control_fixture_own(&fixture);
    pty = open_program("watch", fixture.conninfo, "--no-keys");
    pty_wait_text(pty, "LIVE");
    pty_wait_text(pty, "keys are off");
    pty_send(pty, "?q:2/\033q\032");
    pty_settle(pty, 300);
    pty_wait_text(pty, "[1 Fleet]");
    assert_false(pty_shows(pty, "any key closes"));
    pty_send(pty, "\003");
    pty_expect_exit(pty, 0);
    pty_free(pty);
    control_fixture_close(&fixture);
}

static void a_wall_shows_figures_problems_and_pages(void **state)
{
    struct control_fixture fixture;
    struct pty *pty;

    (void)state;
    control_fixture_open(&fixture);
    control_fixture_own(&fixture);
    pty = open_program("watch", fixture.conninfo, "--big");
    pty_wait_text(pty, "PROBLEMS");
    pty_wait_text(pty, "██████");
    pty_free(pty);
    pty = open_program("watch", fixture.conninfo, "--only=problems");
    pty_wait_text(pty, "Every migration is well.");
    support_sql(fixture.conn, "UPDATE public.tenant_migrations SET is_paused = true");
    pty_wait_text(pty, "PAUSED");
    pty_free(pty);
    /* many more than a page: the last one comes by itself */
    support_sql(
        fixture.conn,
        "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase) "
        "SELECT gen_random_uuid(), gen_random_uuid(), 'shared', 'dedicated', 'aborted' FROM "
        "generate_series(1, 100)");
    support_sql(fixture.conn, "INSERT INTO tenantmv.migration_state (migration_id) SELECT id FROM "
                              "public.tenant_migrations ON CONFLICT DO NOTHING");
    pty = open_program("watch", fixture.conninfo, "--page=1s");
    pty_wait_text(pty, "PAUSED");
    pty_wait_no_text(pty, "PAUSED");
    pty_wait_text(pty, "PAUSED"); /* and the first page again */
    pty_free(pty);
    control_fixture_close(&fixture);
}

static void of_ten_thousand_migrations_it_says_which_are_here(void **state)
{
    struct control_fixture fixture;
    struct pty *pty;

    (void)state;
    control_fixture_open(&fixture);
    control_fixture_own(&fixture); /* the one that runs comes first, however old it is */
    support_sql(
        fixture.conn,
        "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase) "
        "SELECT gen_random_uuid(), gen_random_uuid(), 'shared', 'dedicated', 'aborted' FROM "
        "generate_series(1, 9999)");
    support_sql(fixture.conn, "INSERT INTO tenantmv.migration_state (migration_id) SELECT id FROM "
                              "public.tenant_migrations ON CONFLICT DO NOTHING");
    pty = open_program("watch", fixture.conninfo, NULL);
    pty_wait_text(pty, "1000 of 1000 loaded; 9000 are not");
    pty_wait_text(pty, "PENDING");
    for (int i = 0; i < 3; i++) { /* and it still hears */
        pty_send(pty, "G");
        pty_wait_no_text(pty, "PENDING");
        pty_send(pty, "g");
        pty_wait_text(pty, "PENDING");
    }
    pty_wait_text(pty, "LIVE");
    pty_free(pty);
    control_fixture_close(&fixture);
}

#define OLDEST "created_at < now() - interval '1 hour'"

/* The page holds a thousand: what needs a person is never left out of it, and counts are those of the
 * database. */
static void trouble_behind_a_thousand_running_ones_is_found(void **state)
{
    static const struct {
        const char *change, *count;
        int code;
    } cases[] = {
        {"UPDATE public.tenant_migrations SET is_paused = true WHERE " OLDEST, "paused 1", 1},
        {"UPDATE public.tenant_migrations SET is_paused = false WHERE " OLDEST
         "; UPDATE tenantmv.lease SET heartbeat_at = now() - interval '1 hour' WHERE migration_id = "
         "(SELECT id FROM public.tenant_migrations WHERE " OLDEST ")",
         "orphan 1", 2},
        {"UPDATE public.tenant_migrations SET phase = 'failed', last_error = 'TM131' WHERE " OLDEST,
         "failed 1", 2},
    };
    struct control_fixture fixture;
    char id[TMV_UUID_TEXT];
    struct pty *pty;

    (void)state;
    control_fixture_open(&fixture);
    control_fixture_own(&fixture);
    tmv_uuid_format(&fixture.migration, id);
    support_sql(
        fixture.conn,
        "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase) "
        "SELECT "
        "gen_random_uuid(), gen_random_uuid(), 'shared', 'dedicated', 'dual_write' FROM generate_series(1, "
        "1000); "
        "INSERT INTO tenantmv.migration_state (migration_id, lag_us, generation) SELECT id, 1000, 1 FROM "
        "public.tenant_migrations ON CONFLICT DO NOTHING; "
        "INSERT INTO tenantmv.lease (tenant_id, migration_id, engine, engine_name, owner_epoch, "
        "heartbeat_at) "
        "SELECT tenant_id, id, gen_random_uuid(), 'e', 1, now() + interval '1 day' FROM "
        "public.tenant_migrations ON CONFLICT DO NOTHING; "
        "UPDATE public.tenant_migrations SET created_at = now() - interval '1 day' WHERE id = '%s'",
        id);
    assert_int_equal(watch_code(fixture.conninfo, ""), 0);
    pty = open_program("watch", fixture.conninfo, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        support_sql(fixture.conn, "%s", cases[i].change);
        assert_int_equal(watch_code(fixture.conninfo, ""), cases[i].code);
        assert_int_equal(watch_code(fixture.conninfo, "--json"), cases[i].code);
        pty_wait_text(pty, cases[i].count);
        pty_wait_text(pty, "sync 1000"); /* those that run are all counted, loaded or not */
        pty_wait_text(pty, "1000 of 1000 loaded; 1 are not");
        if (cases[i].code == 2)
            pty_wait_text(pty, "! 1 alert");
    }
    pty_free(pty);
    control_fixture_close(&fixture);
}

/* ---- pasted text ---- */

/* The same console asks for something when a key is meant: what came before was refused, not impossible. */
static void assert_keys_act(struct pty *pty, struct pgx_conn *conn)
{
    for (int overlays = 0; overlays < 2; overlays++) { /* help, and what is looked for in it */
        pty_send_alone(pty, "\033");
        pty_settle(pty, 200);
    }
    pty_send(pty, "1");
    pty_wait_text(pty, "[1 Fleet]");
    pty_send_alone(pty, "p");
    support_wait_until(conn, "SELECT count(*) = 1 FROM tenantmv.command WHERE operation = 'pause'");
}

static void a_pasted_script_does_nothing_on_any_screen(void **state)
{
    static const char script[] =
        "\033[200~tenantmv abort acme\npxcvru:abort\nyes\ny\r:pause\rq\033\003\003\033[201~";
    static const char *const places[] = {"1", "2", "3", "4", "5", "6", "1/", "\033:", "\033?", "?x"};
    struct control_fixture fixture;
    struct pty *pty;

    (void)state;
    control_fixture_open(&fixture);
    control_fixture_own(&fixture);
    pty = open_program("console", fixture.conninfo, "--no-engine");
    pty_wait_text(pty, "LIVE");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        pty_send(pty, places[i]);
        pty_settle(pty, 200);
        pty_send(pty, script);
        pty_settle(pty, 200);
        pty_wait_text(pty, "tenantmv"); /* it still runs */
        assert_false(pty_shows(pty, "ARMED"));
    }
    assert_int_equal(commands(fixture.conn), 0);
    assert_keys_act(pty, fixture.conn);
    pty_free(pty);
    control_fixture_close(&fixture);
}

/* Old terminals and multiplexers mark no paste: it is a burst of keys. Into every screen, and into the
 * palette over it: what acts wants silence around its key, and a name that is typed and its Enter must not be
 * one burst either. */
static void a_burst_of_keys_asks_for_nothing_on_any_screen(void **state)
{
    static const char *const bursts[] = {
        ":pause\r",     "pause\r",  ":abort\ry\r", ":verify\ry",       ":throttle none\r",
        ":rehearse\ry", "pxcvru",   "p\rp",        "tenantmv pause\n", ":undo\r",
        ":pau\t\r",     "/acme\rp", ":1\rp",       "1p2p3p4p"};
    struct control_fixture fixture;
    struct pty *pty;
    size_t turn = 0;

    (void)state;
    control_fixture_open(&fixture);
    control_fixture_own(&fixture);
    pty = open_program("console", fixture.conninfo, "--no-engine");
    pty_wait_text(pty, "LIVE");
    for (const char *place = "123456"; *place != '\0'; place++)
        for (int palette = 0; palette < 2; palette++)
            for (size_t i = turn++ % 3; i < sizeof bursts / sizeof *bursts;
                 i += 3) { /* each at four places */
                pty_send(pty, (char[]){*place, '\0'});
                pty_settle(pty, 100);
                if (palette) {
                    pty_send(pty, ":");
                    pty_settle(pty, 100);
                }
                pty_send(pty, bursts[i]);
                pty_settle(pty, 150);
                pty_send(pty, "\033");
                pty_settle(pty, 200); /* alone: what follows Esc at once would be taken for its end */
                pty_send(pty, "\033");
                pty_settle(pty, 200);
                if (commands(fixture.conn) != 0)
                    fail_msg("screen %c%s: %s", *place, palette ? ", palette" : "", bursts[i]);
            }
    assert_keys_act(pty, fixture.conn);
    pty_free(pty);
    control_fixture_close(&fixture);
}

/* ---- terminals that come and go ---- */

struct tmux {
    char socket[200];
};

static void tmux_run(const struct tmux *tmux, const char *arguments)
{
    char command[1500];

    snprintf(command, sizeof command, "tmux -S '%s' -f /dev/null %s", tmux->socket, arguments);
    assert_int_equal(system(command), 0);
}

static struct pty *tmux_attach(const struct tmux *tmux, int cols, int rows)
{
    const char *argv[] = {"tmux", "-S", tmux->socket, "attach", NULL};
    struct pty_options options = {argv, NULL, cols, rows};

    return pty_start(&options);
}

static void comes_back_in_tmux_at_another_size(void **state)
{
    static const struct {
        int cols, rows;
    } sizes[] = {{100, 30}, {60, 20}, {132, 43}, {40, 10}, {100, 30}};
    struct tmux tmux;
    char arguments[1200];

    (void)state;
    snprintf(tmux.socket, sizeof tmux.socket, "%s/tmux", support_temporary_dir());
    snprintf(arguments, sizeof arguments,
             "new-session -d -x 80 -y 24 \"env LC_ALL=C.UTF-8 '%s' watch --control 'host=/nonexistent "
             "dbname=none'\" \\; set -g status off",
             program());
    tmux_run(&tmux, arguments);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct pty *pty = tmux_attach(&tmux, sizes[i].cols, sizes[i].rows);
        pty_wait_text(pty, "OFFLINE");
        for (int k = 0; k < 300 && strstr(pty_row(pty, sizes[i].rows - 1), "? help") == NULL; k++)
            pty_settle(pty, 50);
        assert_non_null(strstr(pty_row(pty, sizes[i].rows - 1), "? help"));
        assert_non_null(strstr(pty_row(pty, 0), "OFFLINE"));
        pty_send(pty, "?");
        pty_wait_text(pty, "Esc closes");
        pty_send(pty, "?");
        pty_wait_no_text(pty, "Esc closes");
        tmux_run(&tmux, "detach-client");
        pty_expect_exit(pty, 0);
        pty_free(pty);
    }
    tmux_run(&tmux, "kill-server");
}

/* The engine in the console owns a tenant that is ready; the link is lost while a cutover counts down. */
static void a_hang_up_hands_the_running_migration_over(void **state)
{
    struct pty *pty;
    struct tmv_error err = {0};

    (void)state;
    life_prepare(false, false);
    assert_done(life_begin(&err), &err);
    pty = open_program("console", l.control, NULL);
    pty_wait_text(pty, "READY");
    pty_send_alone(pty, "c");
    pty_wait_text(pty, "type the name first");
    pty_hang_up(pty);
    pty_expect_exit(pty, 128 + SIGHUP);
    pty_free(pty);
    assert_int_equal(commands(l.on_control), 0);
    life_wait_for("m.phase = 'dual_write'");
    /* the lease was given back, not left to run out: whoever comes next need not wait for that */
    assert_int_equal(
        support_int(l.on_control, "SELECT count(*) FROM tenantmv.lease WHERE engine IS NOT NULL"), 0);
    life_start_engine();
    life_wait_for("l.engine IS NOT NULL AND m.phase = 'dual_write'");
    life_release();
}

/* A console whose engine has brought a migration to READY. */
static struct pty *open_running_console(void)
{
    struct tmv_error err = {0};
    struct pty *pty;

    life_prepare(false, false);
    assert_done(life_begin(&err), &err);
    pty = open_program("console", l.control, NULL);
    pty_wait_text(pty, "READY");
    return pty;
}

/* The box of q, `down` rows below "Stay". */
static void quit_by(struct pty *pty, int down)
{
    pty_send(pty, "q");
    pty_wait_text(pty, "Hand over");
    pty_look_away(500); /* it is deaf at first */
    for (int i = 0; i < down; i++)
        pty_send(pty, "j");
    pty_send(pty, "\r");
}

static int64_t leases(void)
{
    return support_int(l.on_control, "SELECT count(*) FROM tenantmv.lease WHERE engine IS NOT NULL");
}

static void quitting_asks_and_staying_changes_nothing(void **state)
{
    struct pty *pty = open_running_console();

    (void)state;
    quit_by(pty, 0);
    pty_wait_no_text(pty, "Hand over");
    assert_int_equal(leases(), 1);
    quit_by(pty, 3); /* stop at a safe point */
    pty_expect_exit(pty, 0);
    pty_free(pty);
    assert_int_equal(leases(), 0);
    life_start_engine(); /* they continue as soon as an engine runs again */
    life_wait_for("l.engine IS NOT NULL AND m.phase = 'dual_write'");
    life_release();
}

static void quitting_hands_over_to_another_engine(void **state)
{
    struct pty *pty = open_running_console();

    (void)state;
    life_start_engine(); /* waits: the migration has an owner */
    quit_by(pty, 1);
    pty_wait_bytes(pty, "1 migration: ");
    pty_wait_bytes(pty, " continues");
    pty_expect_exit(pty, 0);
    pty_free(pty);
    assert_int_equal(leases(), 1);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
    life_release();
}

static void quitting_without_a_successor_says_that_nobody_goes_on(void **state)
{
    struct pty *pty = open_running_console();

    (void)state;
    quit_by(pty, 1);
    pty_wait_bytes(pty, "1 migration waits for an engine, nothing is lost");
    pty_expect_exit(pty, 0);
    pty_free(pty);
    assert_int_equal(leases(), 0);
    life_release();
}

static void quitting_keeps_the_engine_without_its_screen(void **state)
{
    struct pty *pty = open_running_console();
    struct tmv_error err = {0};

    (void)state;
    quit_by(pty, 2);
    pty_wait_bytes(pty, "continues here without a screen");
    assert_done(move_insert(l.on_source, &l.tenant, 7000, 1, &err), &err);
    support_wait_until(l.on_target, "SELECT count(*) = %lld FROM public.events",
                       (long long)life_count(l.on_source));
    assert_int_equal(leases(), 1);
    pty_signal(pty, SIGTERM);
    pty_expect_exit(pty, 0);
    pty_free(pty);
    assert_int_equal(leases(), 0);
    life_release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_never_answers_stops_no_key),
        cmocka_unit_test(a_console_is_what_its_role_may_do),
        cmocka_unit_test(a_flapping_server_is_live_again_each_time),
        cmocka_unit_test(what_a_server_notes_does_not_tear_the_picture),
        cmocka_unit_test(hostile_texts_are_harmless_on_every_screen),
        cmocka_unit_test(hostile_texts_are_harmless_in_lines),
        cmocka_unit_test(watch_once_ends_as_a_monitoring_check_does),
        cmocka_unit_test(a_display_on_a_wall_hears_only_ctrl_c),
        cmocka_unit_test(a_wall_shows_figures_problems_and_pages),
        cmocka_unit_test(of_ten_thousand_migrations_it_says_which_are_here),
        cmocka_unit_test(trouble_behind_a_thousand_running_ones_is_found),
        cmocka_unit_test(a_pasted_script_does_nothing_on_any_screen),
        cmocka_unit_test(a_burst_of_keys_asks_for_nothing_on_any_screen),
        cmocka_unit_test(comes_back_in_tmux_at_another_size),
        cmocka_unit_test(a_hang_up_hands_the_running_migration_over),
        cmocka_unit_test(quitting_asks_and_staying_changes_nothing),
        cmocka_unit_test(quitting_hands_over_to_another_engine),
        cmocka_unit_test(quitting_without_a_successor_says_that_nobody_goes_on),
        cmocka_unit_test(quitting_keeps_the_engine_without_its_screen),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

/* What the console writes to its terminal, in bytes for each second that its own clock shows: the machine may
 * be as slow as it likes. The fleet is on a real control database. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console_pty.h"
#include "integration/control_fixture.h"

#define IDLE_MAX 100  /* bytes a second: console.md, terminal rules */
#define BUSY_MAX 1200 /* the same, over SSH */
#define FLEET 30      /* more than a small screen shows */
#define SECONDS 8

/* What an engine that has just looked leaves: the figures are those of before, their time is not. */
static const char measured_now[] =
    "WITH now AS (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us) "
    "UPDATE tenantmv.migration_state SET measured = jsonb_build_object('rate', us, 'lag_us', us, "
    "'lag_events', us, "
    "'gates', us), gates = jsonb_build_array(jsonb_build_object('name', 'lag', 'green', true, 'seen', '3 "
    "ms', "
    "'at', us)) FROM now";

/* As workers leave it: half of it mirrors, the rest waits. */
static void fleet_fill(struct pgx_conn *conn)
{
    support_sql(
        conn,
        "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase,"
        " events_total, events_copied, started_at, bulk_copy_completed_at, dual_write_started_at)"
        " SELECT md5('m' || i)::uuid, md5('t' || i)::uuid, 'shared', 'dedicated', 'dual_write',"
        " 1000000, 1000000, now() - interval '1 hour', now() - interval '10 min',"
        " now() - interval '9 min' FROM generate_series(1, %d) i",
        FLEET);
    support_sql(conn, "INSERT INTO tenantmv.migration_state (migration_id, rate, lag_us, lag_events) "
                      "SELECT id, 840, 3000, 2 FROM public.tenant_migrations");
    support_sql(conn, measured_now);
    support_sql(conn,
                "INSERT INTO tenantmv.lease (tenant_id, migration_id, engine, engine_name, heartbeat_at)"
                " SELECT tenant_id, id, gen_random_uuid(), 'worker', now() + interval '1 hour'"
                " FROM public.tenant_migrations");
    /* a minute that has been seen, so that its lines are full */
    support_sql(conn,
                "INSERT INTO tenantmv.sample (migration_id, at, events_copied, rate, lag_us, lag_events)"
                " SELECT id, now() - s * interval '1 s', 1, 840, 3000, 2"
                " FROM public.tenant_migrations, generate_series(0, 120) s");
}

/* What every engine writes each second, announced: here it measured what it had measured before. */
static void fleet_report(struct pgx_conn *conn)
{
    support_sql(conn, measured_now);
    support_sql(conn,
                "INSERT INTO tenantmv.sample SELECT migration_id, clock_timestamp(), 1, rate, lag_us, 2 "
                "FROM tenantmv.migration_state");
    support_sql(conn, "NOTIFY tenantmv");
}

/* The same with news. */
static void fleet_move(struct pgx_conn *conn)
{
    support_sql(conn, "UPDATE tenantmv.migration_state SET lag_us = (random() * 60000)::bigint, "
                      "rate = (random() * 9999)::bigint");
    fleet_report(conn);
}

static struct pty *open_watch(const struct control_fixture *fixture, bool over_ssh, int cols, int rows,
                              const char *shown)
{
    static const char *const ssh[] = {"SSH_CONNECTION=10.0.0.1 1 10.0.0.2 22", NULL};
    const char *argv[] = {getenv("TENANTMV_PROGRAM"), "watch", "--control", fixture->conninfo, NULL};
    struct pty_options options = {argv, over_ssh ? ssh : NULL, cols, rows};
    struct pty *pty = pty_start(&options);

    pty_wait_text(pty, shown);
    pty_wait_text(pty, "LIVE");
    return pty;
}

/* Seconds since midnight of the clock on the screen, -1 while it is half drawn. */
static int shown_seconds(struct pty *pty)
{
    const char *row = pty_row(pty, 0);
    size_t length = strlen(row);
    int h, m, s;

    if (length < 9 || sscanf(row + length - 9, "%2d:%2d:%2dZ", &h, &m, &s) != 3)
        return -1;
    return (h * 60 + m) * 60 + s;
}

/* What the engines of the fleet do in each second; NULL: nothing. */
typedef void each_second(struct pgx_conn *conn);

/* Reads until the clock on the screen has moved by so many seconds; how many it were. A new day begins
 * within: counted on. */
static int pass_seconds(struct pty *pty, int seconds, each_second *engines, struct pgx_conn *conn)
{
    int first = shown_seconds(pty), passed = 0, before = 0;

    while (passed < seconds) {
        int now;
        pty_settle(pty, 50);
        now = shown_seconds(pty);
        if (now < 0)
            continue;
        first = first < 0 ? now : first;
        passed = (now - first + 86400) % 86400;
        if (engines && passed != before)
            engines(conn);
        before = passed;
    }
    return passed;
}

/* Bytes for each second of the screen's clock, after the first pictures. */
static size_t bytes_per_second(struct pty *pty, each_second *engines, struct pgx_conn *conn)
{
    size_t size;
    int passed;

    pass_seconds(pty, 3, engines, conn);
    pty_forget_output(pty);
    passed = pass_seconds(pty, SECONDS, engines, conn);
    pty_output(pty, &size);
    return size / (size_t)passed;
}

static const struct {
    bool over_ssh;
    int cols, rows;
} screens[] = {{false, 132, 43}, {true, 80, 24}};

static void an_idle_fleet_moves_only_its_clock(void **state)
{
    struct control_fixture fixture;

    (void)state;
    control_fixture_open(&fixture);
    fleet_fill(fixture.conn);
    for (size_t i = 0; i < ARRAY_LEN(screens); i++) {
        struct pty *pty = open_watch(&fixture, screens[i].over_ssh, screens[i].cols, screens[i].rows, "SYNC");
        assert_in_range(bytes_per_second(pty, fleet_report, fixture.conn), 1, IDLE_MAX);
        assert_true(pty_shows(pty, "840")); /* it was idle, not silent */
        pty_free(pty);
    }
    control_fixture_close(&fixture);
}

/* That its figures are not known any more is news once: it is waited for, and then counted. */
static void a_silent_fleet_moves_only_its_clock(void **state)
{
    struct control_fixture fixture;

    (void)state;
    control_fixture_open(&fixture);
    fleet_fill(fixture.conn);
    for (size_t i = 0; i < ARRAY_LEN(screens); i++) {
        struct pty *pty = open_watch(&fixture, screens[i].over_ssh, screens[i].cols, screens[i].rows, "SYNC");
        pty_wait_no_text(pty, "840");
        assert_in_range(bytes_per_second(pty, NULL, NULL), 1, IDLE_MAX);
        pty_free(pty);
    }
    control_fixture_close(&fixture);
}

#define HELD_COLS 220
#define HELD_ROWS 43
/* The rows under the header, in which the clock is. */
static char *rows_below_header(struct pty *pty)
{
    char *rows = calloc(HELD_ROWS, HELD_COLS * 8);

    assert_non_null(rows);
    for (int i = 1; i < HELD_ROWS; i++)
        strcat(strcat(rows, pty_row(pty, i)), "\n");
    return rows;
}

/* Names the row: a whole screen is too long for a message. */
static void assert_same_rows(const char *after, const char *before)
{
    while (*after && *after == *before)
        after++, before++;
    if (*after || *before)
        fail_msg("'%.100s' is now '%.100s'", before, after);
}

/* What is told of each migration of a fleet that nothing moves, ages among it: no cell of it changes. The
 * screen is wide enough for all of it. */
static void a_fleet_that_is_held_moves_only_its_clock(void **state)
{
    static const struct {
        const char *change, *shown;
    } cases[] = {
        {"UPDATE public.tenant_migrations SET is_paused = true, paused_at = now() - interval '601 s'; "
         "UPDATE tenantmv.migration_state SET note = 'the target is away'",
         "the target is away (paused for 10m)"},
        {"UPDATE public.tenant_migrations SET is_paused = false; "
         "UPDATE tenantmv.migration_state SET lag_us = -1, waiting_since = now() - interval '601 s', "
         "next_try_at = now() + interval '1 hour'",
         "the target is away (waiting for 10m, next try at "},
        {"UPDATE tenantmv.lease SET heartbeat_at = now() - interval '601 s'", "is silent for 10 min"},
    };
    struct control_fixture fixture;

    (void)state;
    control_fixture_open(&fixture);
    fleet_fill(fixture.conn);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pty *pty;
        char *before, *after;

        support_sql(fixture.conn, "%s", cases[i].change);
        pty = open_watch(&fixture, false, HELD_COLS, HELD_ROWS, cases[i].shown);
        pty_wait_no_text(pty, "840");     /* that its figures are not known any more is news */
        pass_seconds(pty, 2, NULL, NULL); /* the picture is whole */
        before = rows_below_header(pty);
        assert_in_range(bytes_per_second(pty, NULL, NULL), 1, IDLE_MAX);
        after = rows_below_header(pty);
        assert_same_rows(after, before);
        free(before);
        free(after);
        pty_free(pty);
    }
    control_fixture_close(&fixture);
}

static void a_busy_fleet_stays_small_on_a_slow_line(void **state)
{
    struct control_fixture fixture;
    struct pty *pty;

    (void)state;
    control_fixture_open(&fixture);
    fleet_fill(fixture.conn);
    pty = open_watch(&fixture, true, 80, 24, "SYNC");
    /* more than the clock alone, or nothing was measured */
    assert_in_range(bytes_per_second(pty, fleet_move, fixture.conn), IDLE_MAX + 1, BUSY_MAX);
    pty_free(pty);
    control_fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_fleet_moves_only_its_clock),
        cmocka_unit_test(a_silent_fleet_moves_only_its_clock),
        cmocka_unit_test(a_fleet_that_is_held_moves_only_its_clock),
        cmocka_unit_test(a_busy_fleet_stays_small_on_a_slow_line),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

/* Positions that are not one number after another from 1: a sequence that is set back or far ahead, gaps as
 * wide as bigint, positions below 1, and events where the copy and the comparison by ranges do not look. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "move/tail/tail_source.h"
#include "support/life.h"
#include "support/move.h"

#define TURNS_MAX 40
#define SEQUENCE "public.events_global_position_seq"
#define FAR INT64_C(50000000000)

static struct move m;
static struct tailer tail;

/* ---- the tail alone ---- */

static int opened(void **state)
{
    struct tmv_error err;

    (void)state;
    move_prepare(&m, false);
    support_sql(m.source, "SELECT setval('%s', 1000)", SEQUENCE);
    move_guard_source(&m);
    move_open_target(&m);
    tailer_init(&tail, &m.endpoints, &m.source_guard);
    assert_done(tailer_connect(&tail, &err), &err);
    return 0;
}

static int closed(void **state)
{
    (void)state;
    tailer_release(&tail);
    move_release(&m);
    return 0;
}

static void insert(int stream, int version)
{
    struct tmv_error err;

    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, stream, version, &err), &err);
}

static int64_t count(struct pgx_conn *conn)
{
    return support_int(conn, "SELECT count(*) FROM public.events WHERE tenant_id = '%s'", m.endpoints.tenant);
}

/* Until the target has so many events, in a bounded number of turns. */
static void turn_until(int64_t events)
{
    struct tmv_error err;
    bool behind;

    for (int i = 0; i < TURNS_MAX && count(m.target) < events; i++)
        assert_done(tailer_turn(&tail, &behind, &err), &err);
    assert_int_equal(count(m.target), events);
}

/* Until everything up to the sequence's value is applied. */
static void turn_to_the_end(void)
{
    struct tmv_error err;
    bool behind;

    for (int i = 0; i < TURNS_MAX && tail.watermark < tail.value; i++)
        assert_done(tailer_turn(&tail, &behind, &err), &err);
    assert_int_equal(tail.watermark, tail.value);
}

/* An insert takes two values of the sequence: one by the column's default, which the guard replaces by the
 * second. */
static void mirror_five(void)
{
    for (int i = 1; i <= 5; i++)
        insert(1, i);
    turn_until(5);
    turn_to_the_end();
}

static void assert_set_back(const struct tmv_error *err)
{
    assert_int_equal(err->code, TMV_ERR_DIVERGED);
    assert_non_null(strstr(err->message, "the position sequence of the source says 50"));
    assert_non_null(
        strstr(err->message, ", 1010 was seen before: it was set back (setval or ALTER SEQUENCE"));
    assert_non_null(strstr(err->hint, "SELECT setval('"));
    assert_null(strstr(err->message, "crash"));
    assert_null(strstr(err->hint, "restarted"));
}

static void notices_in_a_turn_that_the_sequence_was_set_back(void **state)
{
    struct tmv_error err = {0};
    bool behind;

    (void)state;
    mirror_five();
    support_sql(m.source, "SELECT setval('%s', 500)", SEQUENCE);
    insert(9, 1);
    assert_fails(tailer_turn(&tail, &behind, &err), &err, TMV_ERR_DIVERGED);
    assert_set_back(&err);
    assert_int_equal(tail.watermark, 1010);
}

/* The tenant is quiet: nothing was written below the watermark yet. */
static void notices_it_while_the_tenant_is_quiet(void **state)
{
    struct tmv_error err = {0};
    int64_t events;

    (void)state;
    mirror_five();
    support_sql(m.source, "ALTER SEQUENCE %s RESTART WITH 502", SEQUENCE);
    assert_fails(tailer_count_behind(&tail, &events, &err), &err, TMV_ERR_DIVERGED);
    assert_set_back(&err);
}

/* Not below the watermark, but below what was seen. */
static void notices_a_step_back_above_the_watermark(void **state)
{
    struct tmv_error err = {0};
    int64_t value;

    (void)state;
    mirror_five();
    support_sql(m.source, "SELECT setval('%s', 9000)", SEQUENCE);
    assert_done(tail_read_value(&tail, &value, &err), &err);
    support_sql(m.source, "SELECT setval('%s', 8000)", SEQUENCE);
    assert_fails(tail_read_value(&tail, &value, &err), &err, TMV_ERR_DIVERGED);
}

static bool add_nothing(void *user, struct tailer *t, struct buf *commit, struct tmv_error *err)
{
    (void)t;
    (void)commit;
    (void)err;
    *(bool *)user = true;
    return true;
}

static void notices_it_in_the_drain(void **state)
{
    struct tmv_error err = {0};
    bool finished = false;
    const struct tailer_finish finish = {.run = add_nothing, .user = &finished};
    int64_t events = 0;

    (void)state;
    mirror_five();
    support_sql(m.source, "SELECT setval('%s', 500)", SEQUENCE);
    insert(9, 1);
    assert_done(tailer_begin_drain(&tail, &err), &err);
    assert_fails(tailer_drain(&tail, 502, clock_now_us() + 10 * US_PER_S, &finish, &events, &err), &err,
                 TMV_ERR_DIVERGED);
    assert_set_back(&err);
    assert_false(finished);
    assert_int_equal(tail.watermark, 1010);
    assert_false(pgx_in_transaction(tail.target));
}

static void notices_it_when_an_engine_connects(void **state)
{
    struct tmv_error err = {0};

    (void)state;
    mirror_five();
    tailer_release(&tail);
    support_sql(m.source, "SELECT setval('%s', 500)", SEQUENCE);
    tailer_init(&tail, &m.endpoints, &m.source_guard);
    assert_done(tailer_connect(&tail, &err), &err);
    assert_fails(tailer_check_not_ahead(&tail, &err), &err, TMV_ERR_DIVERGED);
    assert_set_back(&err);
}

/* Set forward again, so that the value alone tells nothing. */
static void notices_an_event_that_came_in_behind_the_watermark(void **state)
{
    struct tmv_error err = {0};

    (void)state;
    mirror_five();
    support_sql(m.source, "SELECT setval('%s', 1004)", SEQUENCE);
    support_sql(m.source, "UPDATE tenantmv.fence SET state = 'off'; DELETE FROM public.events WHERE "
                          "global_position = 1006; UPDATE tenantmv.fence SET state = 'open'");
    insert(9, 1); /* at 1006 again */
    support_sql(m.source, "SELECT setval('%s', 1010)", SEQUENCE);
    assert_done(tailer_connect(&tail, &err), &err);
    assert_fails(tailer_check_not_ahead(&tail, &err), &err, TMV_ERR_DIVERGED);
    assert_non_null(strstr(err.message, "disagree about events that were already moved"));
    assert_null(strstr(err.hint, "restarted"));
}

static void says_crash_or_failover_only_after_one(void **state)
{
    struct cluster *cluster = support_cluster("source", NULL);
    struct tmv_error err = {0};

    (void)state;
    mirror_five();
    pgx_close(TAKE(m.source));
    assert_done(cluster_stop(cluster, CLUSTER_FAST, &err), &err);
    assert_done(cluster_resume(cluster, &err), &err);
    m.source = support_connect(m.endpoints.source_store.conninfo);
    support_sql(m.source, "SELECT setval('%s', 500)", SEQUENCE);
    assert_done(tailer_connect(&tail, &err), &err);
    assert_fails(tailer_check_not_ahead(&tail, &err), &err, TMV_ERR_DIVERGED);
    assert_non_null(strstr(err.hint, "lost committed data"));
    assert_null(strstr(err.message, "set back"));
}

static void passes_a_gap_of_any_width(void **state)
{
    (void)state;
    mirror_five();
    support_sql(m.source, "SELECT setval('%s', %lld)", SEQUENCE, (long long)FAR);
    insert(2, 1);
    turn_until(6);
    turn_to_the_end();
    assert_int_equal(tail.watermark, FAR + 2);
    support_sql(m.source, "SELECT setval('%s', %lld)", SEQUENCE, (long long)(INT64_MAX - 4));
    insert(2, 2);
    insert(2, 3);
    turn_until(8);
    turn_to_the_end();
    assert_int_equal(tail.watermark, INT64_MAX);
    assert_int_equal(support_int(m.target, "SELECT max(global_position) FROM public.events"), INT64_MAX);
}

/* Nothing was written behind the gap: the way to the end is one look, not fifty billion positions. */
static void passes_a_gap_without_anything_behind_it(void **state)
{
    (void)state;
    mirror_five();
    support_sql(m.source, "SELECT setval('%s', %lld)", SEQUENCE, (long long)FAR);
    support_sql(m.source, "SELECT 1");
    tail.value = FAR;
    turn_to_the_end();
    assert_int_equal(tail.watermark, FAR);
}

/* What a gap is passed by must not pass an event that is not visible yet. */
static void does_not_jump_over_a_writer_in_flight(void **state)
{
    struct pgx_conn *slow = support_connect(m.endpoints.source_store.conninfo);
    struct tmv_error err;
    bool behind;

    (void)state;
    mirror_five();
    support_sql(m.source, "SELECT setval('%s', %lld)", SEQUENCE, (long long)FAR);
    support_sql(slow, "BEGIN");
    assert_done(move_insert(slow, &m.endpoints.owner.tenant, 5, 1, &err), &err);
    support_sql(m.source, "SELECT setval('%s', %lld)", SEQUENCE, (long long)(2 * FAR));
    insert(6, 1);
    for (int i = 0; i < 20; i++)
        assert_done(tailer_turn(&tail, &behind, &err), &err);
    assert_true(tail.watermark <= FAR);
    support_sql(slow, "COMMIT");
    turn_until(7);
    turn_to_the_end();
    pgx_close(slow);
}

/* Payloads that no compression makes smaller, 160 MB in all: far more than a turn applies. At no moment may
 * the lag be known before everything is there. */
static void lag_is_not_known_before_everything_is_applied(void **state)
{
    const int events = 400;
    struct tmv_error err;
    bool behind = true;

    (void)state;
    assert_int_equal(tailer_lag_us(&tail), -1);
    support_sql(
        m.source,
        "WITH pad AS MATERIALIZED (SELECT string_agg(md5(i::text), '') AS text FROM generate_series(1, "
        "12500) i) "
        "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "
        "timestamp, payload) SELECT gen_random_uuid(), '00000000-0000-4000-8000-000000000077', 'Order', "
        "'Big', "
        "'%s', g, now(), jsonb_build_object('pad', pad.text) FROM pad, generate_series(1, %d) g",
        m.endpoints.tenant, events);
    assert_done(tailer_turn(&tail, &behind, &err), &err);
    assert_true(behind && count(m.target) < events); /* the coordinator is asked for commands in between */
    for (int turns = 0; behind || count(m.target) < events; turns++) {
        assert_true(turns < 3000);
        if (tailer_lag_us(&tail) >= 0)
            assert_int_equal(count(m.target), events);
        assert_done(tailer_turn(&tail, &behind, &err), &err);
    }
    assert_true(tailer_lag_us(&tail) >= 0);
}

/* A paused migration, and events of many megabytes meanwhile: a piece holds few of them. */
static void a_piece_of_large_events_is_short(void **state)
{
    int64_t high = 1500;
    struct tmv_error err;

    (void)state;
    support_sql(
        m.source,
        "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "
        "timestamp, payload) SELECT gen_random_uuid(), '00000000-0000-4000-8000-000000000077', 'Order', "
        "'Big', "
        "'%s', g, now(), (SELECT jsonb_agg(md5(g || '-' || i)) FROM generate_series(1, 100000) i) FROM "
        "generate_series(1, 6) g",
        m.endpoints.tenant);
    assert_done(tail_end_of_piece(&tail, 1000, &high, &err), &err);
    assert_true(high >= 1002 && high < 1012);
    high = 1020;
    assert_done(tail_end_of_piece(&tail, 1012, &high, &err), &err);
    assert_int_equal(high, 1020);
    turn_until(6);
}

/* What large events took is no word about the next pause for longer than a moment. */
static void forgets_what_large_events_took(void **state)
{
    struct tmv_error err;
    bool behind;

    (void)state;
    mirror_five();
    tail.apply_us = 3 * US_PER_S;
    tail.durable_us = 2 * US_PER_S;
    for (int i = 0; i < 3000 && tail.apply_us + 2 * tail.durable_us > 100 * US_PER_MS; i++)
        assert_done(tailer_turn(&tail, &behind, &err), &err);
    assert_true(tail.apply_us + 2 * tail.durable_us <= 100 * US_PER_MS);
}

/* What the target says it has keeps up with a sequence that other tenants move: the next engine compares with
 * it. */
static void keeps_the_watermark_on_the_target_without_events(void **state)
{
    struct tmv_error err;
    bool behind;

    (void)state;
    mirror_five();
    support_sql(m.source, "SELECT setval('%s', 7777)", SEQUENCE);
    int64_t until = clock_now_us() + 30 * US_PER_S;
    while (support_int(m.target, "SELECT watermark FROM tenantmv.applied") < 7777 && clock_now_us() < until)
        assert_done(tailer_turn(&tail, &behind, &err), &err);
    assert_int_equal(support_int(m.target, "SELECT watermark FROM tenantmv.applied"), 7777);
}

/* ---- a whole migration ---- */

/* As only the engine's own sessions may: past the guard, which stays as it is. */
static void with_the_pass(struct pgx_conn *conn, const char *change)
{
    support_sql(conn,
                "SELECT set_config('tenantmv.pass', o.migration_id || '/' || o.owner_epoch, false)"
                " FROM tenantmv.owner o; %s; SET tenantmv.pass = ''",
                change);
}

#define NEW_EVENT_AT(position)                                                                               \
    "INSERT INTO public.events (global_position, event_id, aggregate_id, aggregate_type, event_type, "       \
    "tenant_id, "                                                                                            \
    "version, timestamp, payload) SELECT " position                                                          \
    ", gen_random_uuid(), gen_random_uuid(), 'O', 'O', tenant_id, 1, "                                       \
    "now(), '{}' FROM tenantmv.fence LIMIT 1"

static int with_holes(void **state)
{
    life_plain(state);
    support_sql(l.on_source, "SELECT setval('%s', 2000)", SEQUENCE);
    support_fill(l.on_source, &l.tenant, 5, 10);
    return 0;
}

static void wait_for_equal(void)
{
    support_wait_until(l.on_control, "SELECT EXISTS (SELECT FROM tenantmv.verification WHERE consistent)");
}

static void assert_not_cut_over(void)
{
    struct tmv_command_info got = life_ask(TMV_OP_CUTOVER, NULL);

    assert_true(got.state == TMV_COMMAND_REFUSED || got.state == TMV_COMMAND_FAILED);
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'moved'"),
                     0);
}

/* In a hole that was proven equal before. */
static void refuses_a_cutover_after_an_event_came_in_behind_the_proof(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    wait_for_equal();
    with_the_pass(l.on_source, NEW_EVENT_AT("1500"));
    assert_not_cut_over();
    life_wait_for("s.note LIKE '%%verification found 1 differences%%'");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_REFUSED,
                "verified: verification found 1 differences");
    support_wait_until(l.on_control,
                       "SELECT EXISTS (SELECT FROM tenantmv.verification WHERE NOT consistent)");
}

static void refuses_a_cutover_with_an_event_below_the_first_position(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    wait_for_equal();
    with_the_pass(l.on_source, NEW_EVENT_AT("-5"));
    assert_not_cut_over();
    with_the_pass(l.on_source, "DELETE FROM public.events WHERE global_position = -5");
    with_the_pass(l.on_target, NEW_EVENT_AT("0"));
    assert_not_cut_over();
}

static void refuses_a_cutover_with_an_event_above_the_sequence(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    wait_for_equal();
    with_the_pass(l.on_target, NEW_EVENT_AT("99000"));
    assert_not_cut_over();
    with_the_pass(l.on_target, "DELETE FROM public.events WHERE global_position = 99000");
    with_the_pass(l.on_source, NEW_EVENT_AT("99001"));
    assert_not_cut_over();
}

static void a_comparison_of_two_stores_looks_below_the_first_position(void **state)
{
    const struct tmv_verify_options options = {
        .source = &l.source, .target = &l.target, .tenant = l.tenant, .level = TMV_VERIFY_HASH};
    struct tmv_verify_report report;
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    assert_done(tmv_verify_stores(&options, &report, &err), &err);
    assert_true(report.consistent);
    with_the_pass(l.on_source, NEW_EVENT_AT("0"));
    with_the_pass(l.on_source, NEW_EVENT_AT("-9223372036854775807"));
    assert_done(tmv_verify_stores(&options, &report, &err), &err);
    assert_false(report.consistent);
    assert_int_equal(report.differences, 2);
    assert_int_equal(report.found[0].position, -INT64_MAX);
    assert_string_equal(report.found[0].kind, "missing");
}

/* The pause ends without a switch, and the migration is paused with the reason. */
static void pauses_a_migration_whose_sequence_was_set_back(void **state)
{
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    support_sql(l.on_source, "SELECT setval('%s', 1000)", SEQUENCE);
    life_wait_for("m.is_paused AND s.note LIKE '%%it was set back%%'");
    assert_done(move_insert(l.on_source, &l.tenant, 800, 1, &err), &err);
    const struct tmv_request request = {.operation = TMV_OP_CUTOVER, .migration = l.migration};
    struct tmv_uuid id;
    assert_fails(tmv_request(l.handle, &request, &amy, &id, &err), &err, TMV_ERR_REFUSED);
    /* Set forward again: what was written in between is found. */
    support_sql(l.on_source, "SELECT setval('%s', 3000)", SEQUENCE);
    life_expect(life_ask(TMV_OP_RESUME, NULL), TMV_COMMAND_DONE, "");
    support_wait_until(
        l.on_control,
        "SELECT EXISTS (SELECT FROM tenantmv.verification WHERE NOT consistent) OR EXISTS (SELECT FROM "
        "public.tenant_migrations WHERE is_paused)");
}

/* The tail has a lot to do, and the operator does not wait for the end of it. */
static void hears_a_pause_while_far_behind(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    life_expect(life_ask(TMV_OP_PAUSE, NULL), TMV_COMMAND_DONE, "");
    support_sql(
        l.on_source,
        "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "
        "timestamp, payload) SELECT gen_random_uuid(), '00000000-0000-4000-8000-000000000077', 'Order', "
        "'Big', "
        "'%s', g, now(), jsonb_build_object('pad', repeat('x', 300000)) FROM generate_series(1, 1500) g",
        l.tenant_text);
    life_wait_for("s.lag_events = 1500");
    life_expect(life_ask(TMV_OP_RESUME, NULL), TMV_COMMAND_DONE, "");
    life_expect(life_ask(TMV_OP_PAUSE, NULL), TMV_COMMAND_DONE, "");
    assert_true(life_count(l.on_target) < life_count(l.on_source));
    life_wait_for("s.lag_events > 0 AND NOT s.ready");
    life_expect(life_ask(TMV_OP_RESUME, NULL), TMV_COMMAND_DONE, "");
    support_wait_until(l.on_target, "SELECT count(*) = %lld FROM public.events",
                       (long long)life_count(l.on_source));
}

static void aborts_over_a_gap_as_fast_as_without(void **state)
{
    struct tmv_error err;

    (void)state;
    support_sql(l.on_source, "SELECT setval('%s', %lld)", SEQUENCE, (long long)FAR);
    support_fill(l.on_source, &l.tenant, 5, 10);
    life_begin_and_wait_until_ready();
    support_sql(l.on_source, "SELECT setval('%s', %lld)", SEQUENCE, (long long)(INT64_MAX - 1000));
    assert_done(move_insert(l.on_source, &l.tenant, 801, 1, &err), &err);
    support_wait_until(l.on_target, "SELECT max(global_position) > %lld FROM public.events",
                       (long long)(2 * FAR));
    life_expect(life_ask(TMV_OP_ABORT, "test"), TMV_COMMAND_DONE, "aborted");
    assert_int_equal(life_count(l.on_target), 0);
    life_assert_source_as_it_was();
}

static void moves_a_tenant_at_the_end_of_bigint(void **state)
{
    struct tmv_error err;

    (void)state;
    support_sql(l.on_source, "SELECT setval('%s', %lld)", SEQUENCE, (long long)(INT64_MAX - 2000000));
    support_fill(l.on_source, &l.tenant, 5, 10);
    assert_done(move_insert(l.on_source, &l.tenant, 800, INT32_MAX, &err), &err);
    life_begin_and_wait_until_ready();
    assert_done(move_insert(l.on_source, &l.tenant, 801, INT32_MAX, &err), &err);
    assert_done(move_insert(l.on_source, &l.tenant, 802, 0, &err), &err);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_wait_for("m.phase = 'completed'");
    life_assert_moved();
}

#define TAIL_CASE(name) cmocka_unit_test_setup_teardown(name, opened, closed)
#define LIFE_CASE(name) cmocka_unit_test_setup_teardown(name, with_holes, life_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TAIL_CASE(notices_in_a_turn_that_the_sequence_was_set_back),
        TAIL_CASE(notices_it_while_the_tenant_is_quiet),
        TAIL_CASE(notices_a_step_back_above_the_watermark),
        TAIL_CASE(notices_it_in_the_drain),
        TAIL_CASE(notices_it_when_an_engine_connects),
        TAIL_CASE(notices_an_event_that_came_in_behind_the_watermark),
        TAIL_CASE(passes_a_gap_of_any_width),
        TAIL_CASE(passes_a_gap_without_anything_behind_it),
        TAIL_CASE(does_not_jump_over_a_writer_in_flight),
        TAIL_CASE(lag_is_not_known_before_everything_is_applied),
        TAIL_CASE(a_piece_of_large_events_is_short),
        TAIL_CASE(forgets_what_large_events_took),
        TAIL_CASE(keeps_the_watermark_on_the_target_without_events),
        LIFE_CASE(refuses_a_cutover_after_an_event_came_in_behind_the_proof),
        LIFE_CASE(refuses_a_cutover_with_an_event_below_the_first_position),
        LIFE_CASE(refuses_a_cutover_with_an_event_above_the_sequence),
        LIFE_CASE(a_comparison_of_two_stores_looks_below_the_first_position),
        LIFE_CASE(pauses_a_migration_whose_sequence_was_set_back),
        LIFE_CASE(hears_a_pause_while_far_behind),
        LIFE_CASE(aborts_over_a_gap_as_fast_as_without),
        LIFE_CASE(moves_a_tenant_at_the_end_of_bigint),
        TAIL_CASE(says_crash_or_failover_only_after_one),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

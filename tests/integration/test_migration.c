/* The whole life of a migration, run by a real engine on real servers: what it does when all goes well, and
 * what stands in each database when it does not. Budgets and gates are wide here: what is tested is the
 * outcome, not the machine. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "support/move.h"
#include "tenantmv/engine.h"
#include "tenantmv/snapshot.h"
#include "tenantmv/verify.h"

struct life {
    struct tmv_store_info source, target;
    char control[CLUSTER_CONNINFO_MAX];
    struct tmv_uuid tenant, migration;
    char tenant_text[TMV_UUID_TEXT];
    struct pgx_conn *on_control, *on_source, *on_target;
    struct tmv_control *handle;
    struct tmv_engine *engine;
};
static struct life l;
static const struct tmv_actor amy = {.name = "amy", .from = "test"};

#define HISTORY 300

static void start_engine(void)
{
    const struct tmv_engine_options options = {.control_conninfo = l.control, .name = "test"};
    struct tmv_error err;

    assert_done(tmv_engine_start(&options, &l.engine, &err), &err);
}

static void stop_engine(void)
{
    tmv_engine_stop(TAKE(l.engine));
}

static void prepare(bool control_elsewhere, bool partitioned)
{
    struct tmv_error err;

    memset(&l, 0, sizeof l);
    support_store(support_cluster("source", NULL), "shared", partitioned, &l.source);
    support_store(support_cluster("target", NULL), "dedicated", false, &l.target);
    text_copy(l.control, sizeof l.control, l.source.conninfo);
    if (control_elsewhere)
        support_database(support_cluster("target", NULL), l.control);
    l.tenant = tmv_uuid_random();
    tmv_uuid_format(&l.tenant, l.tenant_text);
    assert_done(tmv_control_init(l.control, &err), &err);
    assert_done(tmv_control_open(l.control, &l.handle, &err), &err);
    assert_done(tmv_store_add(l.handle, &l.source, &err), &err);
    assert_done(tmv_store_add(l.handle, &l.target, &err), &err);
    assert_done(tmv_routing_register(l.handle, &l.tenant, l.source.id, &err), &err);
    l.on_control = support_connect(l.control);
    l.on_source = support_connect(l.source.conninfo);
    l.on_target = support_connect(l.target.conninfo);
    support_fill(l.on_source, &l.tenant, HISTORY / 10, 10);
    const struct tmv_uuid other = tmv_uuid_random();
    support_fill(l.on_source, &other, 5, 10);
}

static int plain(void **state)
{
    (void)state;
    prepare(false, false);
    return 0;
}

static int with_control_elsewhere(void **state)
{
    (void)state;
    prepare(true, false);
    return 0;
}

static int from_a_partitioned_source(void **state)
{
    (void)state;
    prepare(false, true);
    return 0;
}

static int done(void **state)
{
    (void)state;
    unsetenv("TENANTMV_FAULT");
    stop_engine();
    tmv_control_close(TAKE(l.handle));
    pgx_close(TAKE(l.on_control));
    pgx_close(TAKE(l.on_source));
    pgx_close(TAKE(l.on_target));
    return 0;
}

static bool begin(struct tmv_error *err)
{
    struct tmv_start_options options = {.tenant = l.tenant, .target = l.target.id};

    tmv_settings_default(&options.settings);
    options.settings.cutover_max_lag_ms = 60000;
    options.settings.lock_budget_ms = 400;
    options.settings.drain_budget_ms = 10000;
    options.settings.cutover_timeout_ms = 60000;
    return tmv_start(l.handle, &options, &amy, &l.migration, err);
}

/* Polls a condition on the migration's rows; shows what stands there when it does not come true. */
static void wait_for(const char *condition)
{
    char id[TMV_UUID_TEXT];
    int64_t until = clock_now_us() + 90 * US_PER_S;

    tmv_uuid_format(&l.migration, id);
    while (!support_int(
        l.on_control,
        "SELECT count(*) FROM public.tenant_migrations m JOIN tenantmv.migration_state s ON s.migration_id = "
        "m.id LEFT JOIN tenantmv.lease l ON l.migration_id = m.id WHERE m.id = '%s' AND (%s)",
        id, condition)) {
        if (clock_now_us() > until) {
            AUTO_FREE char *now =
                support_text(l.on_control,
                             "SELECT format('%%s paused=%%s step=%%s note=%%s error=%%s gates=%%s', m.phase, "
                             "m.is_paused, s.step, s.note, m.last_error, s.gates) FROM "
                             "public.tenant_migrations m JOIN tenantmv.migration_state s ON s.migration_id = "
                             "m.id WHERE m.id = '%s'",
                             id);
            fail_msg("%s did not come true; %s", condition, now);
        }
        stop_sleep(NULL, 20 * US_PER_MS);
    }
}

static void begin_and_wait_until_ready(void)
{
    struct tmv_error err;

    assert_done(begin(&err), &err);
    if (!l.engine)
        start_engine();
    wait_for("m.phase = 'dual_write' AND s.ready");
}

/* Asks for an operation and waits for its outcome. */
static struct tmv_command_info ask(enum tmv_operation operation, const char *reason)
{
    const struct tmv_request request = {.operation = operation, .migration = l.migration, .reason = reason};
    struct tmv_command_info info = {0};
    struct tmv_uuid id;
    struct tmv_error err;
    int64_t until = clock_now_us() + 90 * US_PER_S;

    assert_done(tmv_request(l.handle, &request, &amy, &id, &err), &err);
    do {
        assert_true(clock_now_us() < until);
        stop_sleep(NULL, 10 * US_PER_MS);
        assert_done(tmv_command_get(l.handle, &id, &info, &err), &err);
    } while (info.state == TMV_COMMAND_REQUESTED || info.state == TMV_COMMAND_RUNNING);
    return info;
}

static void expect(struct tmv_command_info got, enum tmv_command_state state, const char *words)
{
    if (got.state != state || !strstr(got.outcome, words))
        fail_msg("%s: %s (expected %s with \"%s\")", tmv_command_state_name(got.state), got.outcome,
                 tmv_command_state_name(state), words);
}

static int64_t on(struct pgx_conn *conn)
{
    return support_int(conn, "SELECT count(*) FROM public.events WHERE tenant_id = '%s'", l.tenant_text);
}

static void assert_same_events(void)
{
    struct tmv_verify_report report;
    struct tmv_error err;

    const struct tmv_verify_options options = {
        .source = &l.source, .target = &l.target, .tenant = l.tenant, .level = TMV_VERIFY_HASH};
    assert_done(tmv_verify_stores(&options, &report, &err), &err);
    assert_true(report.consistent);
    assert_int_equal(report.events_source, report.events_target);
}

static void assert_one_audit_row_per_transition(const char *event_type)
{
    char id[TMV_UUID_TEXT];
    int64_t broken = -1;
    struct tmv_error err;

    tmv_uuid_format(&l.migration, id);
    assert_int_equal(
        support_int(
            l.on_control,
            "SELECT count(*) FROM public.migration_audit_log WHERE migration_id = '%s' AND event_type = "
            "'%s'",
            id, event_type),
        1);
    assert_done(tmv_audit_verify(l.handle, &l.migration, &broken, &err), &err);
    assert_int_equal(broken, 0);
}

static void assert_moved(void)
{
    struct tmv_error err;
    AUTO_FREE char *route = support_text(
        l.on_control,
        "SELECT store_id || ' ' || migration_state || ' ' || coalesce(active_migration_id::text, '-') FROM "
        "public.tenant_routing WHERE tenant_id = '%s'",
        l.tenant_text);

    assert_string_equal(route, "dedicated migrated -");
    assert_same_events();
    assert_fails(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err, TMV_ERR_MOVED);
    assert_done(move_insert(l.on_target, &l.tenant, 900, 1, &err), &err);
    assert_true(support_int(l.on_target, "SELECT max(global_position) FROM public.events") >
                support_int(l.on_source,
                            "SELECT max(global_position) FROM public.events WHERE tenant_id = '%s'",
                            l.tenant_text));
    assert_one_audit_row_per_transition("migration_completed");
    assert_one_audit_row_per_transition("cutover_completed");
}

static void assert_source_as_it_was(void)
{
    assert_int_equal(
        support_int(l.on_source,
                    "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~tenantmv%%' AND tgname <> "
                    "'~tenantmv_truncate'"),
        0);
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence"), 0);
    assert_int_equal(support_int(l.on_control, "SELECT count(*) FROM tenantmv.ledger WHERE done_at IS NULL"),
                     0);
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"),
                     0);
    assert_true(on(l.on_source) >= HISTORY);
}

static void moves_a_tenant_with_its_history_and_what_is_written_meanwhile(void **state)
{
    struct tmv_error err;

    (void)state;
    begin_and_wait_until_ready();
    for (int i = 1; i <= 20; i++)
        assert_done(move_insert(l.on_source, &l.tenant, 500, i, &err), &err);
    expect(ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    wait_for("m.phase = 'completed'");
    assert_moved();
    assert_int_equal(on(l.on_target), HISTORY + 21);
    assert_one_audit_row_per_transition("cutover_initiated");
}

static void refuses_a_second_start_naming_the_first(void **state)
{
    struct tmv_error err;
    char id[TMV_UUID_TEXT];
    struct tmv_uuid first;

    (void)state;
    assert_done(begin(&err), &err);
    first = l.migration;
    assert_fails(begin(&err), &err, TMV_ERR_REFUSED);
    l.migration = first;
    assert_non_null(strstr(err.message, tmv_uuid_format(&first, id)));
}

static void pauses_and_resumes_without_losing_anything(void **state)
{
    struct tmv_error err;
    int64_t before;

    (void)state;
    begin_and_wait_until_ready();
    expect(ask(TMV_OP_PAUSE, NULL), TMV_COMMAND_DONE, "paused");
    before = on(l.on_target);
    assert_done(move_insert(l.on_source, &l.tenant, 600, 1, &err), &err);
    const struct tmv_request cutover = {.operation = TMV_OP_CUTOVER, .migration = l.migration};
    struct tmv_uuid id;
    assert_fails(tmv_request(l.handle, &cutover, &amy, &id, &err), &err, TMV_ERR_REFUSED);
    assert_int_equal(on(l.on_target), before);
    expect(ask(TMV_OP_RESUME, NULL), TMV_COMMAND_DONE, "resumed");
    wait_for("s.ready");
    expect(ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    assert_moved();
}

static void takes_everything_back_on_abort(void **state)
{
    struct tmv_error err;

    (void)state;
    begin_and_wait_until_ready();
    assert_done(move_insert(l.on_source, &l.tenant, 700, 1, &err), &err);
    expect(ask(TMV_OP_ABORT, "changed our minds"), TMV_COMMAND_DONE, "aborted");
    assert_source_as_it_was();
    assert_int_equal(on(l.on_target), 0);
    AUTO_FREE char *route = support_text(
        l.on_control,
        "SELECT store_id || ' ' || migration_state FROM public.tenant_routing WHERE tenant_id = '%s'",
        l.tenant_text);
    assert_string_equal(route, "shared normal");
    assert_done(move_insert(l.on_source, &l.tenant, 700, 2, &err), &err);
    assert_one_audit_row_per_transition("migration_aborted");
    /* And it can be done again. */
    begin_and_wait_until_ready();
    expect(ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    assert_moved();
}

static void rolls_a_cutover_back_when_a_writer_does_not_leave(void **state)
{
    struct pgx_conn *writer = support_connect(l.source.conninfo);
    struct tmv_error err;
    char pid[30];

    (void)state;
    begin_and_wait_until_ready();
    support_sql(writer, "BEGIN");
    assert_done(move_insert(writer, &l.tenant, 800, 1, &err), &err);
    struct tmv_command_info got = ask(TMV_OP_CUTOVER, NULL);
    snprintf(pid, sizeof pid, "%d", pgx_backend_pid(writer));
    assert_true(got.state == TMV_COMMAND_FAILED || got.state == TMV_COMMAND_REFUSED);
    if (got.state == TMV_COMMAND_FAILED)
        assert_non_null(strstr(got.outcome, pid));
    wait_for("m.phase = 'dual_write'");
    support_sql(writer, "COMMIT");
    pgx_close(writer);
    wait_for("s.ready");
    expect(ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    assert_moved();
}

static void refuses_the_cutover_after_the_guard_was_switched_off_and_on(void **state)
{
    (void)state;
    begin_and_wait_until_ready();
    support_sql(l.on_source, "ALTER TABLE public.events DISABLE TRIGGER ALL");
    support_sql(l.on_source, "ALTER TABLE public.events ENABLE TRIGGER ALL");
    expect(ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_REFUSED, "guard");
    wait_for("m.phase = 'dual_write'");
    expect(ask(TMV_OP_ABORT, "guard was changed"), TMV_COMMAND_DONE, "aborted");
    assert_source_as_it_was();
}

static void refuses_the_cutover_when_the_target_was_changed(void **state)
{
    char id[TMV_UUID_TEXT];

    (void)state;
    begin_and_wait_until_ready();
    tmv_uuid_format(&l.migration, id);
    support_sql(l.on_target, "SET tenantmv.pass = '%s/1'", id);
    support_sql(l.on_target,
                "UPDATE public.events SET payload = payload || '{\"changed\": true}' WHERE global_position = "
                "(SELECT min(global_position) FROM public.events)");
    expect(ask(TMV_OP_VERIFY, NULL), TMV_COMMAND_FAILED, "1 differences");
    expect(ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_REFUSED, "");
    assert_int_equal(
        support_int(l.on_control, "SELECT count(*) FROM public.tenant_migrations WHERE phase = 'dual_write'"),
        1);
}

static void rehearses_without_deciding(void **state)
{
    struct tmv_error err;

    (void)state;
    begin_and_wait_until_ready();
    expect(ask(TMV_OP_REHEARSE, NULL), TMV_COMMAND_DONE, "rehearsed");
    assert_done(move_insert(l.on_source, &l.tenant, 801, 1, &err), &err);
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM tenantmv.fence WHERE state = 'closed'"),
                     1);
    expect(ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    assert_moved();
}

static void follows_a_pause_and_an_abort_by_another_program(void **state)
{
    struct tmv_error err;

    (void)state;
    begin_and_wait_until_ready();
    support_sql(l.on_control, "UPDATE public.tenant_migrations SET is_paused = true, paused_at = now()");
    wait_for("s.step IS NOT NULL");
    stop_sleep(NULL, 600 * US_PER_MS); /* the engine looks five times a second */
    int64_t before = on(l.on_target);
    assert_done(move_insert(l.on_source, &l.tenant, 802, 1, &err), &err);
    assert_int_equal(on(l.on_target), before);
    support_sql(l.on_control, "UPDATE public.tenant_migrations SET phase = 'aborted', completed_at = now()");
    wait_for("s.step = 'taken back'");
    assert_source_as_it_was();
    assert_int_equal(on(l.on_target), 0);
}

static void goes_on_after_the_engine_was_restarted(void **state)
{
    struct tmv_error err;

    (void)state;
    begin_and_wait_until_ready();
    stop_engine();
    for (int i = 1; i <= 30; i++)
        assert_done(move_insert(l.on_source, &l.tenant, 803, i, &err), &err);
    start_engine();
    wait_for("s.ready AND l.owner_epoch > 1");
    expect(ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    assert_moved();
}

static void survives_the_end_of_all_its_sessions(void **state)
{
    (void)state;
    begin_and_wait_until_ready();
    for (int i = 0; i < 3; i++) {
        support_sql(i == 1 ? l.on_target : l.on_source,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE "
                    "'tenantmv/%%/%%' OR application_name = 'tenantmv/engine'");
        wait_for("true");
    }
    wait_for("s.ready AND l.owner_epoch > 1 AND clock_timestamp() - l.heartbeat_at < interval '2 s'");
    expect(ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    assert_moved();
}

static void moves_a_tenant_without_events(void **state)
{
    struct tmv_error err;

    (void)state;
    l.tenant = tmv_uuid_random();
    tmv_uuid_format(&l.tenant, l.tenant_text);
    assert_done(tmv_routing_register(l.handle, &l.tenant, l.source.id, &err), &err);
    begin_and_wait_until_ready();
    expect(ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    assert_fails(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err, TMV_ERR_MOVED);
    assert_done(move_insert(l.on_target, &l.tenant, 900, 1, &err), &err);
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(moves_a_tenant_with_its_history_and_what_is_written_meanwhile, plain),
        CASE(moves_a_tenant_with_its_history_and_what_is_written_meanwhile, with_control_elsewhere),
        CASE(moves_a_tenant_with_its_history_and_what_is_written_meanwhile, from_a_partitioned_source),
        CASE(moves_a_tenant_without_events, plain),
        CASE(refuses_a_second_start_naming_the_first, plain),
        CASE(pauses_and_resumes_without_losing_anything, plain),
        CASE(takes_everything_back_on_abort, plain),
        CASE(rolls_a_cutover_back_when_a_writer_does_not_leave, plain),
        CASE(refuses_the_cutover_after_the_guard_was_switched_off_and_on, plain),
        CASE(refuses_the_cutover_when_the_target_was_changed, plain),
        CASE(rehearses_without_deciding, plain),
        CASE(follows_a_pause_and_an_abort_by_another_program, plain),
        CASE(goes_on_after_the_engine_was_restarted, plain),
        CASE(survives_the_end_of_all_its_sessions, plain),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

/* The whole life of a migration, run by a real engine on real servers: what it does when all goes well, and
 * what stands in each database when it does not. Budgets and gates are wide here: what is tested is the
 * outcome, not the machine. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "support/life.h"
#include "support/spawn.h"
#include "support/steady_writer.h"

static int from_a_partitioned_source(void **state)
{
    (void)state;
    life_prepare(false, true);
    return 0;
}

static void moves_a_tenant_with_its_history_and_what_is_written_meanwhile(void **state)
{
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    for (int i = 1; i <= 20; i++)
        assert_done(move_insert(l.on_source, &l.tenant, 500, i, &err), &err);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_wait_for("m.phase = 'completed'");
    life_assert_moved();
    assert_int_equal(life_count(l.on_target), HISTORY + 21);
    life_assert_one_audit_row("cutover_initiated");
}

static void refuses_a_second_start_naming_the_first(void **state)
{
    struct tmv_error err;
    char id[TMV_UUID_TEXT];
    struct tmv_uuid first;

    (void)state;
    assert_done(life_begin(&err), &err);
    first = l.migration;
    assert_fails(life_begin(&err), &err, TMV_ERR_REFUSED);
    l.migration = first;
    assert_non_null(strstr(err.message, tmv_uuid_format(&first, id)));
}

static void pauses_and_resumes_without_losing_anything(void **state)
{
    struct tmv_error err;
    int64_t before;

    (void)state;
    life_begin_and_wait_until_ready();
    life_expect(life_ask(TMV_OP_PAUSE, NULL), TMV_COMMAND_DONE, "paused");
    before = life_count(l.on_target);
    assert_done(move_insert(l.on_source, &l.tenant, 600, 1, &err), &err);
    const struct tmv_request cutover = {.operation = TMV_OP_CUTOVER, .migration = l.migration};
    struct tmv_uuid id;
    assert_fails(tmv_request(l.handle, &cutover, &amy, &id, &err), &err, TMV_ERR_REFUSED);
    assert_int_equal(life_count(l.on_target), before);
    life_expect(life_ask(TMV_OP_RESUME, NULL), TMV_COMMAND_DONE, "resumed");
    life_wait_for("s.ready");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
}

/* Four writers without a pause between their events: whoever comes while the lock is held waits. */
static void counts_the_writers_that_a_cutover_holds(void **state)
{
    /* The drain takes long enough that they run into it, on a busy machine too. */
    static const char slow_drain[] =
        "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_sleep(0.03); RETURN NULL; END'; CREATE TRIGGER slow AFTER INSERT ON public.events "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.slow()";
    struct steady_writer *writers[4];

    (void)state;
    life_begin_and_wait_until_ready();
    support_sql(l.on_target, "%s", slow_drain);
    for (size_t i = 0; i < ARRAY_LEN(writers); i++)
        writers[i] = steady_writer_start();
    for (size_t i = 0; i < ARRAY_LEN(writers); i++)
        steady_writer_await(writers[i], 1, NULL, 0);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    for (size_t i = 0; i < ARRAY_LEN(writers); i++) {
        steady_writer_end(writers[i]);
        free(writers[i]);
    }
    support_wait_until(l.on_control,
                       "SELECT outcome = 'completed' FROM tenantmv.cutover_attempt WHERE NOT rehearsal");
    int64_t held =
        support_int(l.on_control, "SELECT held_writers FROM tenantmv.cutover_attempt WHERE NOT rehearsal");
    assert_in_range(held, 1, ARRAY_LEN(writers));
}

static void takes_everything_back_on_abort(void **state)
{
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    assert_done(move_insert(l.on_source, &l.tenant, 700, 1, &err), &err);
    life_expect(life_ask(TMV_OP_ABORT, "changed our minds"), TMV_COMMAND_DONE, "aborted");
    life_assert_source_as_it_was();
    assert_int_equal(life_count(l.on_target), 0);
    AUTO_FREE char *route = support_text(
        l.on_control,
        "SELECT store_id || ' ' || migration_state FROM public.tenant_routing WHERE tenant_id = '%s'",
        l.tenant_text);
    assert_string_equal(route, "shared normal");
    assert_done(move_insert(l.on_source, &l.tenant, 700, 2, &err), &err);
    life_assert_one_audit_row("migration_aborted");
    /* And it can be done again. */
    life_begin_and_wait_until_ready();
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
}

static void rolls_a_cutover_back_when_a_writer_does_not_leave(void **state)
{
    struct pgx_conn *writer = support_connect(l.source.conninfo);
    struct tmv_error err;
    char pid[30];

    (void)state;
    life_begin_and_wait_until_ready();
    support_sql(writer, "BEGIN");
    assert_done(move_insert(writer, &l.tenant, 800, 1, &err), &err);
    struct tmv_command_info got = life_ask(TMV_OP_CUTOVER, NULL);
    snprintf(pid, sizeof pid, "%d", pgx_backend_pid(writer));
    assert_true(got.state == TMV_COMMAND_FAILED || got.state == TMV_COMMAND_REFUSED);
    if (got.state == TMV_COMMAND_FAILED)
        assert_non_null(strstr(got.outcome, pid));
    life_wait_for("m.phase = 'dual_write'");
    support_sql(writer, "COMMIT");
    pgx_close(writer);
    life_wait_for("s.ready");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
}

static void refuses_the_cutover_after_the_guard_was_switched_off_and_on(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    support_sql(l.on_source, "ALTER TABLE public.events DISABLE TRIGGER ALL");
    support_sql(l.on_source, "ALTER TABLE public.events ENABLE TRIGGER ALL");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_REFUSED, "guard");
    life_wait_for("m.phase = 'dual_write'");
    life_expect(life_ask(TMV_OP_ABORT, "guard was changed"), TMV_COMMAND_DONE, "aborted");
    life_assert_source_as_it_was();
}

static void refuses_the_cutover_when_the_target_was_changed(void **state)
{
    char id[TMV_UUID_TEXT];

    (void)state;
    life_begin_and_wait_until_ready();
    tmv_uuid_format(&l.migration, id);
    support_sql(l.on_target, "SET tenantmv.pass = '%s/1'", id);
    support_sql(l.on_target,
                "UPDATE public.events SET payload = payload || '{\"changed\": true}' WHERE global_position = "
                "(SELECT min(global_position) FROM public.events)");
    life_expect(life_ask(TMV_OP_VERIFY, NULL), TMV_COMMAND_FAILED, "1 differences");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_REFUSED, "");
    assert_int_equal(
        support_int(l.on_control, "SELECT count(*) FROM public.tenant_migrations WHERE phase = 'dual_write'"),
        1);
}

static void rehearses_without_deciding(void **state)
{
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    life_expect(life_ask(TMV_OP_REHEARSE, NULL), TMV_COMMAND_DONE, "rehearsed");
    assert_done(move_insert(l.on_source, &l.tenant, 801, 1, &err), &err);
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM tenantmv.fence WHERE state = 'closed'"),
                     1);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
}

/* In that phase it could not be aborted. */
static void leaves_the_cutover_before_it_compares_the_stores(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    life_stop_engine();
    support_sql(l.on_control, "UPDATE public.tenant_migrations SET phase = 'cutover'");
    support_sql(l.on_source, "SELECT setval('public.events_global_position_seq', 1)");
    life_start_engine();
    life_wait_for("m.phase = 'dual_write' AND m.is_paused");
    life_expect(life_ask(TMV_OP_ABORT, "start again"), TMV_COMMAND_DONE, "aborted");
}

/* An index that takes minutes to build is not waited for, and nothing of the copy is left. */
static void an_abort_breaks_off_an_index_build(void **state)
{
    (void)state;
    support_fill(l.on_source, &l.tenant, 60, 100);
    support_sql(l.on_target,
                "CREATE FUNCTION public.slow(bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS "
                "'BEGIN PERFORM pg_catalog.pg_sleep(0.1); RETURN $1; END'");
    support_sql(l.on_target, "CREATE INDEX slow_index ON public.events (public.slow(global_position))");
    life_start_engine();
    struct tmv_error err;
    assert_done(life_begin(&err), &err);
    life_wait_for("s.step LIKE 'building indexes%'");
    support_wait_until(l.on_target,
                       "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query ILIKE '%%slow_index%%' AND "
                       "state = 'active' AND pid <> pg_backend_pid())");
    life_expect(life_ask(TMV_OP_ABORT, "takes too long"), TMV_COMMAND_DONE, "aborted");
    life_assert_source_as_it_was();
    assert_int_equal(life_count(l.on_target), 0);
    assert_int_equal(
        support_int(l.on_target, "SELECT count(*) FROM pg_indexes WHERE indexname = 'slow_index'"), 1);
    assert_int_equal(support_int(l.on_control,
                                 "SELECT count(*) FROM public.migration_audit_log WHERE event_type = "
                                 "'error_occurred'"),
                     0);
}

static void follows_a_pause_and_an_abort_by_another_program(void **state)
{
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    support_sql(l.on_control, "UPDATE public.tenant_migrations SET is_paused = true, paused_at = now()");
    life_wait_for("s.gates @> '[{\"name\": \"not paused\", \"green\": false}]'");
    int64_t before = life_count(l.on_target);
    assert_done(move_insert(l.on_source, &l.tenant, 802, 1, &err), &err);
    assert_int_equal(life_count(l.on_target), before);
    support_sql(l.on_control, "UPDATE public.tenant_migrations SET phase = 'aborted', completed_at = now()");
    life_wait_for("s.step = 'taken back'");
    life_assert_source_as_it_was();
    assert_int_equal(life_count(l.on_target), 0);
}

static void goes_on_after_the_engine_was_restarted(void **state)
{
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    life_stop_engine();
    for (int i = 1; i <= 30; i++)
        assert_done(move_insert(l.on_source, &l.tenant, 803, i, &err), &err);
    life_start_engine();
    life_wait_for("s.ready AND l.owner_epoch > 1");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
}

static void survives_the_end_of_all_its_sessions(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    for (int i = 0; i < 3; i++) {
        support_sql(i == 1 ? l.on_target : l.on_source,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE "
                    "'tenantmv/%%/%%' OR application_name = 'tenantmv/engine'");
    }
    life_wait_for("s.ready AND l.owner_epoch > 1 AND clock_timestamp() - l.heartbeat_at < interval '2 s'");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
}

static void moves_a_tenant_without_events(void **state)
{
    struct tmv_error err;

    (void)state;
    l.tenant = tmv_uuid_random();
    tmv_uuid_format(&l.tenant, l.tenant_text);
    assert_done(tmv_routing_register(l.handle, &l.tenant, l.source.id, &err), &err);
    life_begin_and_wait_until_ready();
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    assert_fails(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err, TMV_ERR_MOVED);
    assert_done(move_insert(l.on_target, &l.tenant, 900, 1, &err), &err);
}

/* The first home was emptied, and a second migration brings the tenant back there; it is aborted. Whoever
 * still has the very first route is sent away again, as before. */
static void an_aborted_return_leaves_the_old_home_closed(void **state)
{
    const struct tmv_start_options back = {.tenant = l.tenant, .target = l.source.id, .settings = l.settings};
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_wait_for("m.phase = 'completed' AND s.retired");
    support_sql(l.on_source,
                "SELECT set_config('tenantmv.pass', migration_id || '/' || owner_epoch, false) FROM "
                "tenantmv.owner; DELETE FROM public.events; RESET tenantmv.pass");
    assert_done(tmv_start(l.handle, &back, &amy, &l.migration, &err), &err);
    life_wait_for("m.phase = 'dual_write' AND s.ready");
    assert_int_equal(life_count(l.on_source), HISTORY);
    assert_fails(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err, TMV_ERR_CLOSED);
    life_expect(life_ask(TMV_OP_ABORT, "stays where it is"), TMV_COMMAND_DONE, "aborted");
    assert_int_equal(life_count(l.on_source), 0);
    assert_fails(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err, TMV_ERR_MOVED);
    assert_done(move_insert(l.on_target, &l.tenant, 900, 1, &err), &err);
    assert_int_equal(support_int(l.on_control,
                                 "SELECT count(*) FROM public.tenant_routing WHERE tenant_id = '%s' AND "
                                 "store_id = 'dedicated' AND active_migration_id IS NULL",
                                 l.tenant_text),
                     1);
}

/* An engine was killed right after its decision, on the source alone: control is elsewhere and did not
 * follow. */
static void leave_a_decision(const char *phase, const char *mutant)
{
    life_begin_and_wait_until_ready();
    life_stop_engine();
    for (int i = 0; i < 2; i++)
        support_sql(
            i ? l.on_source : l.on_target,
            "SELECT %s FROM tenantmv.owner o, tenantmv.fence f WHERE o.tenant_id = '%s' AND "
            "f.tenant_id = o.tenant_id",
            i ? "tenantmv.decide(o.events, o.tenant_id, o.migration_id, o.owner_epoch, f.placement_epoch, 9, "
                "'dedicated')"
              : "tenantmv.arm(o.events, 'public.events_global_position_seq', o.tenant_id, o.migration_id, "
                "o.owner_epoch, 9, 100000)",
            l.tenant_text);
    support_sql(l.on_control, "UPDATE public.tenant_migrations SET phase = '%s'", phase);
    if (mutant)
        setenv("TENANTMV_MUTANT", mutant, 1);
    life_start_engine();
}

static void assert_follows_the_fence(void)
{
    life_wait_for("m.phase = 'completed'");
    support_wait_until(l.on_target, "SELECT state = 'open' FROM tenantmv.fence");
    life_assert_moved();
}

static void follows_the_fence_when_the_engine_is_lost_after_the_decision(void **state)
{
    (void)state;
    leave_a_decision("cutover", NULL);
    assert_follows_the_fence();
}

/* Another program was faster than the engine's successor. */
static void follows_the_fence_when_another_program_aborts_after_the_decision(void **state)
{
    (void)state;
    leave_a_decision("aborted", NULL);
    assert_follows_the_fence();
}

static void would_undo_the_decision_if_it_looked_at_the_phase_first(void **state)
{
    (void)state;
#ifdef TMV_FAULT_POINTS
    leave_a_decision("cutover", "resolve.phase_before_fence");
    life_wait_for("m.phase = 'dual_write'");
    unsetenv("TENANTMV_MUTANT");
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'moved'"),
                     1);
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM tenantmv.fence WHERE state = 'closed'"),
                     1);
#else
    skip();
#endif
}

static void would_be_stuck_if_it_looked_at_the_phase_first(void **state)
{
    (void)state;
#ifdef TMV_FAULT_POINTS
    leave_a_decision("aborted", "ended.phase_before_fence");
    life_wait_for("s.note LIKE '%the tenant has moved%'");
    unsetenv("TENANTMV_MUTANT");
#else
    skip();
#endif
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, life_done)

/* docs/example.c, which is built with the public headers and the library alone. */
static void the_example_of_the_reference_moves_a_tenant(void **state)
{
    const char *const words[] = {getenv("TENANTMV_EXAMPLE"), l.control, l.tenant_text, l.target.id, NULL};
    int status = -1;

    (void)state;
    assert_non_null(words[0]);
    life_start_engine();
    pid_t pid = spawn_program(&(struct spawn){.argv = words});
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(life_count(l.on_source), HISTORY + 1);
    assert_int_equal(life_count(l.on_target), HISTORY + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(moves_a_tenant_with_its_history_and_what_is_written_meanwhile, life_plain),
        CASE(moves_a_tenant_with_its_history_and_what_is_written_meanwhile, life_with_control_elsewhere),
        CASE(moves_a_tenant_with_its_history_and_what_is_written_meanwhile, from_a_partitioned_source),
        CASE(an_aborted_return_leaves_the_old_home_closed, life_plain),
        CASE(moves_a_tenant_without_events, life_plain),
        CASE(refuses_a_second_start_naming_the_first, life_plain),
        CASE(pauses_and_resumes_without_losing_anything, life_plain),
        CASE(counts_the_writers_that_a_cutover_holds, life_plain),
        CASE(takes_everything_back_on_abort, life_plain),
        CASE(rolls_a_cutover_back_when_a_writer_does_not_leave, life_plain),
        CASE(refuses_the_cutover_after_the_guard_was_switched_off_and_on, life_plain),
        CASE(refuses_the_cutover_when_the_target_was_changed, life_plain),
        CASE(rehearses_without_deciding, life_plain),
        CASE(leaves_the_cutover_before_it_compares_the_stores, life_on_one_server),
        CASE(an_abort_breaks_off_an_index_build, life_on_one_server),
        CASE(follows_a_pause_and_an_abort_by_another_program, life_plain),
        CASE(follows_the_fence_when_the_engine_is_lost_after_the_decision, life_with_control_elsewhere),
        CASE(would_undo_the_decision_if_it_looked_at_the_phase_first, life_with_control_elsewhere),
        CASE(follows_the_fence_when_another_program_aborts_after_the_decision, life_with_control_elsewhere),
        CASE(would_be_stuck_if_it_looked_at_the_phase_first, life_with_control_elsewhere),
        CASE(goes_on_after_the_engine_was_restarted, life_plain),
        CASE(survives_the_end_of_all_its_sessions, life_plain),
        cmocka_unit_test_setup_teardown(the_example_of_the_reference_moves_a_tenant, life_plain, life_done),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

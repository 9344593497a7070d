/* Hold-down: a tenant that has moved, and the store that it has left, which is kept current until somebody
 * ends that. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "support/life.h"

#define HOLD_S 3600

static int plain(void **state)
{
    int failed = life_plain(state);

    l.settings.hold_s = HOLD_S;
    return failed;
}

static int elsewhere(void **state)
{
    int failed = life_with_control_elsewhere(state);

    l.settings.hold_s = HOLD_S;
    return failed;
}

static int on_one_server(void **state)
{
    int failed = life_on_one_server(state);

    l.settings.hold_s = HOLD_S;
    return failed;
}

static void move_it(void)
{
    life_begin_and_wait_until_ready();
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_wait_for("m.phase = 'completed' AND NOT s.unsettled");
}

static void write_home(int stream, int version)
{
    struct tmv_error err;

    assert_done(move_insert(l.on_target, &l.tenant, stream, version, &err), &err);
}

static void wait_until_carried(void)
{
    support_wait_until(l.on_source, "SELECT count(*) = %lld FROM public.events WHERE tenant_id = '%s'",
                       (long long)life_count(l.on_target), l.tenant_text);
}

static void assert_same_order(void)
{
    static const char order[] = "SELECT md5(string_agg(format('%%s %%s %%s', event_id, version, payload), "
                                "';' ORDER BY global_position)) "
                                "FROM public.events WHERE tenant_id = '%s'";
    AUTO_FREE char *there = support_text(l.on_target, order, l.tenant_text);
    AUTO_FREE char *here = support_text(l.on_source, order, l.tenant_text);

    assert_string_equal(there, here);
}

static void assert_shown_as_held(bool held)
{
    struct tmv_snapshot *snapshot = NULL;
    struct tmv_error err;

    assert_done(tmv_snapshot_read(l.handle, &l.tenant, 1, &snapshot, &err), &err);
    assert_int_equal(snapshot->migration_count, 1);
    assert_int_equal(snapshot->migrations[0].held, held);
    assert_true(snapshot->migrations[0].hold_until_us > snapshot->taken_at_us);
    tmv_snapshot_free(snapshot);
}

static void keeps_the_old_store_current(void **state)
{
    (void)state;
    move_it();
    life_wait_for("s.ending = 'hold' AND s.hold_until > now() + interval '50 minutes'");
    for (int i = 1; i <= 30; i++)
        write_home(600 + i % 4, i / 4 + 1);
    wait_until_carried();
    assert_same_order();
    life_wait_for("s.lag_us BETWEEN 0 AND 1000000 AND s.verified_to = s.watermark AND s.note = ''");
    assert_shown_as_held(true);
}

/* The tenant's triggers: gone in the old store, where they would cost its other tenants; kept in the new one.
 */
static void keeps_its_events_countable_in_the_new_store_only(void **state)
{
    static const char own[] =
        "SELECT count(*) %s FROM pg_trigger WHERE tgrelid = 'public.events'::regclass AND "
        "tgname ~ '^~tenantmv_[0-9a-f]{16}_'";

    (void)state;
    move_it();
    support_wait_until(l.on_source, own, "= 0");
    write_home(600, 1);
    wait_until_carried();
    assert_true(support_int(l.on_target, own, "") > 0);
    assert_int_equal(support_int(l.on_control, "SELECT count(*) FROM tenantmv.migration_state WHERE retired"),
                     0);
}

static void goes_on_with_another_engine(void **state)
{
    (void)state;
    move_it();
    write_home(600, 1);
    wait_until_carried();
    life_stop_engine();
    for (int i = 1; i <= 10; i++)
        write_home(601, i);
    assert_int_equal(life_count(l.on_source), life_count(l.on_target) - 10);
    life_start_engine();
    wait_until_carried();
    assert_same_order();
}

static void refuses_to_move_on_before_it_is_ended(void **state)
{
    struct tmv_start_options options = {.tenant = l.tenant, .target = "source"};
    struct tmv_uuid ignored;
    struct tmv_error err;

    (void)state;
    move_it();
    tmv_settings_default(&options.settings);
    options.target = l.source.id;
    assert_fails(tmv_start(l.handle, &options, &amy, &ignored, &err), &err, TMV_ERR_REFUSED);
    assert_string_equal(err.sqlstate, "TM140");
    assert_non_null(strstr(err.hint, "finalize"));
}

static void ends_when_told_to(void **state)
{
    (void)state;
    move_it();
    for (int i = 1; i <= 5; i++)
        write_home(600, i);
    life_expect(life_ask(TMV_OP_FINALIZE, NULL), TMV_COMMAND_DONE, "not kept current");
    life_wait_for("s.ending = 'finalized'");
    assert_shown_as_held(false);
    assert_int_equal(life_count(l.on_source), life_count(l.on_target));
    write_home(600, 6);
    support_wait_until(l.on_control, "SELECT retired FROM tenantmv.migration_state");
    assert_int_equal(life_count(l.on_source), life_count(l.on_target) - 1);
    assert_int_equal(
        support_int(l.on_source, "SELECT count(*) FROM tenantmv.applied WHERE leg = 2 AND state = 'done'"),
        1);
    assert_int_equal(support_int(l.on_control,
                                 "SELECT count(*) FROM public.migration_audit_log WHERE details @> "
                                 "'{\"finalized\": true}'"),
                     1);
}

static void has_nothing_to_end_without_it(void **state)
{
    struct tmv_request request = {.operation = TMV_OP_FINALIZE};
    struct tmv_uuid ignored;
    struct tmv_error err;

    (void)state;
    l.settings.hold_s = 0;
    move_it();
    request.migration = l.migration;
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.applied WHERE leg = 2"), 0);
    assert_fails(tmv_request(l.handle, &request, &amy, &ignored, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "nothing to end"));
}

static void verifies_what_moved_meanwhile(void **state)
{
    (void)state;
    move_it();
    write_home(600, 1);
    life_expect(life_ask(TMV_OP_VERIFY, NULL), TMV_COMMAND_DONE, "0 differences");
    write_home(600, 2);
    wait_until_carried();
}

static void stops_at_a_column_that_the_old_store_lacks(void **state)
{
    (void)state;
    move_it();
    write_home(600, 1);
    wait_until_carried();
    support_sql(l.on_target, "ALTER TABLE public.events ADD COLUMN note text");
    write_home(600, 2);
    life_wait_for("s.note LIKE '%column note of store%cannot be carried back%'");
    assert_int_equal(life_count(l.on_source), life_count(l.on_target) - 1);
    support_sql(l.on_source, "ALTER TABLE public.events ADD COLUMN note text");
    wait_until_carried();
}

/* A changed event is noticed, and the end is refused. */
static void does_not_end_over_a_difference(void **state)
{
    (void)state;
    move_it();
    for (int i = 1; i <= 5; i++)
        write_home(600, i);
    wait_until_carried();
    life_stop_engine();
    support_sql(l.on_source, "UPDATE tenantmv.fence SET state = 'off'");
    support_sql(l.on_source,
                "UPDATE public.events SET payload = '{\"n\": 2}' WHERE global_position = (SELECT "
                "max(global_position) "
                "FROM public.events WHERE tenant_id = '%s')",
                l.tenant_text);
    support_sql(l.on_source, "UPDATE tenantmv.fence SET state = 'moved'");
    support_sql(l.on_control, "UPDATE tenantmv.migration_state SET verified_to = 0");
    life_start_engine();
    life_wait_for("s.note LIKE '%disagree about events that were carried back%'");
    assert_int_equal(
        support_int(l.on_control, "SELECT count(*) FROM tenantmv.migration_state WHERE ending = 'hold'"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_the_old_store_current, plain, life_done),
        cmocka_unit_test_setup_teardown(keeps_the_old_store_current, elsewhere, life_done),
        cmocka_unit_test_setup_teardown(keeps_the_old_store_current, on_one_server, life_done),
        cmocka_unit_test_setup_teardown(keeps_its_events_countable_in_the_new_store_only, on_one_server,
                                        life_done),
        cmocka_unit_test_setup_teardown(goes_on_with_another_engine, plain, life_done),
        cmocka_unit_test_setup_teardown(refuses_to_move_on_before_it_is_ended, on_one_server, life_done),
        cmocka_unit_test_setup_teardown(ends_when_told_to, plain, life_done),
        cmocka_unit_test_setup_teardown(ends_when_told_to, elsewhere, life_done),
        cmocka_unit_test_setup_teardown(has_nothing_to_end_without_it, on_one_server, life_done),
        cmocka_unit_test_setup_teardown(verifies_what_moved_meanwhile, on_one_server, life_done),
        cmocka_unit_test_setup_teardown(stops_at_a_column_that_the_old_store_lacks, on_one_server, life_done),
        cmocka_unit_test_setup_teardown(does_not_end_over_a_difference, on_one_server, life_done),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

/* Hold-down: a tenant that has moved, and the store that it has left, which is kept current until somebody
 * ends that. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "support/held.h"

static int plain(void **state)
{
    return held_prepared(life_plain(state));
}

static int elsewhere(void **state)
{
    return held_prepared(life_with_control_elsewhere(state));
}

static int on_one_server(void **state)
{
    return held_prepared(life_on_one_server(state));
}

static int partitioned(void **state)
{
    (void)state;
    life_prepare_partitioned();
    return held_prepared(0);
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
    held_move();
    life_wait_for("s.ending = 'hold' AND s.hold_until > now() + interval '50 minutes'");
    for (int i = 1; i <= 30; i++)
        held_write_home(600 + i % 4, i / 4 + 1);
    held_wait_until_carried();
    held_assert_same();
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
    held_move();
    support_wait_until(l.on_source, own, "= 0");
    held_write_home(600, 1);
    held_wait_until_carried();
    assert_true(support_int(l.on_target, own, "") > 0);
    assert_int_equal(support_int(l.on_control, "SELECT count(*) FROM tenantmv.migration_state WHERE retired"),
                     0);
}

static void goes_on_with_another_engine(void **state)
{
    (void)state;
    held_move();
    held_write_home(600, 1);
    held_wait_until_carried();
    life_stop_engine();
    for (int i = 1; i <= 10; i++)
        held_write_home(601, i);
    assert_int_equal(life_count(l.on_source), life_count(l.on_target) - 10);
    life_start_engine();
    held_wait_until_carried();
    held_assert_same();
}

static void refuses_to_move_on_before_it_is_ended(void **state)
{
    struct tmv_start_options options = {.tenant = l.tenant, .target = "source"};
    struct tmv_uuid ignored;
    struct tmv_error err;

    (void)state;
    held_move();
    tmv_settings_default(&options.settings);
    options.target = l.source.id;
    assert_fails(tmv_start(l.handle, &options, &amy, &ignored, &err), &err, TMV_ERR_REFUSED);
    assert_string_equal(err.sqlstate, "TM140");
    assert_non_null(strstr(err.hint, "finalize"));
}

static void ends_when_told_to(void **state)
{
    (void)state;
    held_move();
    for (int i = 1; i <= 5; i++)
        held_write_home(600, i);
    life_expect(life_ask(TMV_OP_FINALIZE, NULL), TMV_COMMAND_DONE, "not kept current");
    life_wait_for("s.ending = 'finalized'");
    assert_shown_as_held(false);
    assert_int_equal(life_count(l.on_source), life_count(l.on_target));
    held_write_home(600, 6);
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
    held_move();
    request.migration = l.migration;
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.applied WHERE leg = 2"), 0);
    assert_fails(tmv_request(l.handle, &request, &amy, &ignored, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "nothing to finalize"));
}

static void verifies_what_moved_meanwhile(void **state)
{
    (void)state;
    held_move();
    held_write_home(600, 1);
    life_expect(life_ask(TMV_OP_VERIFY, NULL), TMV_COMMAND_DONE, "0 differences");
    held_write_home(600, 2);
    held_wait_until_carried();
}

static void stops_at_a_column_that_the_old_store_lacks(void **state)
{
    (void)state;
    held_move();
    held_write_home(600, 1);
    held_wait_until_carried();
    support_sql(l.on_target, "ALTER TABLE public.events ADD COLUMN note text");
    held_write_home(600, 2);
    life_wait_for("s.note LIKE '%column note of store%cannot be carried back%'");
    assert_int_equal(life_count(l.on_source), life_count(l.on_target) - 1);
    support_sql(l.on_source, "ALTER TABLE public.events ADD COLUMN note text");
    held_wait_until_carried();
}

/* A trigger of the old store changes what arrives there: the end is refused, and what differs is told. */
static void does_not_end_over_a_difference(void **state)
{
    (void)state;
    held_move();
    support_sql(l.on_source,
                "CREATE FUNCTION public.change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.payload := "
                "''{\"n\": 2}''; RETURN NEW; END'");
    support_sql(l.on_source,
                "CREATE TRIGGER change BEFORE INSERT ON public.events FOR EACH ROW EXECUTE FUNCTION "
                "public.change()");
    held_write_home(600, 1);
    life_wait_for(
        "s.note LIKE 'the old store differs after position%' AND m.last_error LIKE '%differs from%'");
    life_expect(life_ask(TMV_OP_FINALIZE, NULL), TMV_COMMAND_REFUSED, "differs");
    life_wait_for("s.ending = 'hold'");
}

/* At the next connection of an engine it is found, too, although it was proven before. */
static void sees_an_event_that_was_changed_while_no_engine_ran(void **state)
{
    (void)state;
    held_move();
    for (int i = 1; i <= 5; i++)
        held_write_home(600, i);
    held_wait_until_carried();
    life_stop_engine();
    support_sql(l.on_source, "UPDATE tenantmv.fence SET state = 'off'");
    support_sql(l.on_source,
                "UPDATE public.events SET payload = '{\"n\": 2}' WHERE global_position = (SELECT "
                "max(global_position) "
                "FROM public.events WHERE tenant_id = '%s')",
                l.tenant_text);
    support_sql(l.on_source, "UPDATE tenantmv.fence SET state = 'moved'");
    life_start_engine();
    life_wait_for("s.note LIKE '%disagree about events that were carried back%'");
}

/* What cannot be kept current has an end all the same. */
static void is_given_up_when_it_has_forgotten_where_it_began(void **state)
{
    struct tmv_request request = {.operation = TMV_OP_FINALIZE, .force = true};
    struct tmv_uuid ignored;
    struct tmv_error err;

    (void)state;
    held_move();
    request.migration = l.migration;
    life_stop_engine();
    support_sql(l.on_source, "DELETE FROM tenantmv.applied WHERE leg = 2");
    life_start_engine();
    life_wait_for("s.note LIKE 'the old store has forgotten the way back%--abandon-source%'");
    assert_fails(tmv_request(l.handle, &request, &amy, &ignored, &err), &err, TMV_ERR_USAGE); /* no reason */
    request.reason = "restored from a backup";
    life_expect(life_ask_for(&request), TMV_COMMAND_DONE, "given up");
    life_wait_for("s.ending = 'finalized'");
}

static void names_the_partition_that_the_old_store_lacks(void **state)
{
    static const char later[] = "CREATE TABLE public.events_later PARTITION OF public.events FOR VALUES FROM "
                                "('2030-01-01') TO ('2040-01-01')";

    (void)state;
    held_move();
    support_sql(l.on_target, "%s", later);
    support_sql(
        l.on_target,
        "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "
        "timestamp, payload) VALUES (gen_random_uuid(), gen_random_uuid(), 'Order', 'OrderPlaced', '%s', 1, "
        "'2031-01-01', '{}')",
        l.tenant_text);
    life_wait_for(
        "s.note LIKE '%old store lacks a partition of the new store%run on the old store: CREATE TABLE%'");
    support_sql(l.on_source, "%s", later);
    held_wait_until_carried();
    held_assert_same();
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
        cmocka_unit_test_setup_teardown(sees_an_event_that_was_changed_while_no_engine_ran, on_one_server,
                                        life_done),
        cmocka_unit_test_setup_teardown(is_given_up_when_it_has_forgotten_where_it_began, on_one_server,
                                        life_done),
        cmocka_unit_test_setup_teardown(names_the_partition_that_the_old_store_lacks, partitioned, life_done),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

/* Two events tables in one database, a schema each, with the same tenant in both: what the guard says is said
 * for one of them. And position sequences that are renamed. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "support/move.h"

#define FIRST_POSITION 5000

static struct move m; /* its source's events table is one of the two */
static struct store_shape billing_shape;
static struct guard billing;

/* An event takes a position by the column's default and another one by the guard; the last one counts. */
static void assert_billing_position(const char *sequence)
{
    int64_t position = support_int(m.source, "SELECT max(global_position) FROM billing.events");

    assert_true(position > FIRST_POSITION);
    assert_int_equal(position, support_int(m.source, "SELECT last_value FROM billing.%s", sequence));
}

static bool insert_billing(struct tmv_error *err)
{
    return pgx_query(
        m.source, SUPPORT_TIMEOUT_US,
        "INSERT INTO billing.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, "
        "version, timestamp, payload) VALUES (gen_random_uuid(), gen_random_uuid(), 'a', 'b', $1::uuid, "
        "1, now(), '{}')",
        PGX_ARGS(PGX_UUID(&m.endpoints.owner.tenant)), NULL, err);
}

static void guard_billing(void)
{
    struct guard_installed installed;
    struct tmv_error err;

    assert_done(guard_prepare_store(m.source, &billing_shape, &err), &err);
    assert_done(guard_raise_owner(m.source, &billing, &err), &err);
    assert_done(guard_prepare_fence(m.source, &billing, FENCE_OPEN, 600, 1, &err), &err);
    assert_done(guard_install(m.source, &billing, GUARD_ROWS, SUPPORT_TIMEOUT_US, &installed, &err), &err);
    assert_int_equal(installed.value, FIRST_POSITION);
}

static int prepare(void **state)
{
    struct tmv_error err;

    (void)state;
    move_prepare(&m, false);
    support_sql(
        m.source,
        "CREATE SCHEMA billing; CREATE TABLE billing.events (LIKE public.events INCLUDING ALL); "
        "CREATE SEQUENCE billing.positions OWNED BY billing.events.global_position; "
        "ALTER TABLE billing.events ALTER COLUMN global_position SET DEFAULT nextval('billing.positions'); "
        "SELECT setval('billing.positions', %d)",
        FIRST_POSITION);
    move_guard_source(&m);
    assert_done(store_shape_discover(m.source, "billing", "events", &billing_shape, &err), &err);
    billing = m.source_guard;
    billing.shape = &billing_shape;
    billing.migration = tmv_uuid_random();
    assert_done(guard_identify(m.source, &billing, &err), &err);
    return 0;
}

static int release(void **state)
{
    (void)state;
    move_release(&m);
    return 0;
}

static void takes_each_tables_own_positions(void **state)
{
    struct tmv_error err;

    (void)state;
    guard_billing();
    assert_done(insert_billing(&err), &err);
    assert_billing_position("positions");
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    assert_true(support_int(m.source, "SELECT max(global_position) FROM public.events") < FIRST_POSITION);
}

static void refuses_a_tenant_in_the_table_that_it_left_and_not_in_the_other(void **state)
{
    const struct fence_change off = {.from = FENCE_OPEN, .to = FENCE_MOVED, .from_epoch = 1, .to_epoch = 2};
    struct fence fence;
    struct tmv_error err;
    bool changed = false, found = false;

    (void)state;
    guard_billing();
    assert_done(guard_change_fence(m.source, &m.source_guard, &off, &changed, &err), &err);
    assert_true(changed);
    assert_done(guard_read_fence(m.source, &billing, &fence, &found, &err), &err);
    assert_true(found && fence.state == FENCE_OPEN && fence.placement_epoch == 1);
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err, TMV_ERR_MOVED);
    assert_done(insert_billing(&err), &err);
    assert_done(pgx_script(m.source, SUPPORT_TIMEOUT_US,
                           "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM billing.events", 0,
                           NULL, &err),
                &err);
    assert_done(insert_billing(&err), &err);
    support_sql(m.source, "COMMIT");
}

/* The shared triggers look a tenant up that has none of its own. */
static void shares_no_retired_tenant_between_tables(void **state)
{
    struct tmv_error err;
    bool retired = false;

    (void)state;
    move_decide(&m);
    for (int i = 0; i < 200 && !retired; i++)
        assert_done(guard_retire(m.source, &m.source_guard, FENCE_MOVED, &retired, &err), &err);
    assert_true(retired);
    support_sql(m.source, "SELECT tenantmv.share_triggers('billing.events')");
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err, TMV_ERR_MOVED);
    assert_done(insert_billing(&err), &err);
    support_sql(m.source, "UPDATE billing.events SET payload = '[]'; DELETE FROM billing.events");
}

static void truncates_a_table_in_which_no_tenant_moves(void **state)
{
    struct tmv_error err;

    (void)state;
    guard_billing();
    assert_false(pgx_script(m.source, SUPPORT_TIMEOUT_US, "TRUNCATE billing.events", 0, NULL, &err));
    assert_string_equal(err.sqlstate, "TM003");
    support_sql(m.source,
                "UPDATE tenantmv.fence SET state = 'off' WHERE events = 'billing.events'::regclass; "
                "TRUNCATE billing.events");
    assert_false(pgx_script(m.source, SUPPORT_TIMEOUT_US, "TRUNCATE public.events", 0, NULL, &err));
    assert_string_equal(err.sqlstate, "TM003");
}

static void counts_what_each_table_turned_away(void **state)
{
    struct tmv_error err;

    (void)state;
    guard_billing();
    support_sql(m.source, "UPDATE tenantmv.fence SET state = 'moved', store_id = 'x' WHERE events = "
                          "'billing.events'::regclass");
    assert_fails(insert_billing(&err), &err, TMV_ERR_MOVED);
    assert_int_equal(support_int(m.source,
                                 "SELECT pg_sequence_last_value(rejected) FROM tenantmv.guarded WHERE events "
                                 "= 'billing.events'::regclass"),
                     1);
    assert_int_equal(support_int(m.source,
                                 "SELECT count(pg_sequence_last_value(rejected)) FROM tenantmv.guarded WHERE "
                                 "events = 'public.events'::regclass"),
                     0);
}

/* An engine of one table's migration changes nothing of the other's, even for the same tenant and epoch. */
static void owns_a_tenant_in_one_table_only(void **state)
{
    const struct fence_change off = {.from = FENCE_OPEN, .to = FENCE_OFF};
    struct guard stranger;
    struct tmv_error err;
    bool changed = true;

    (void)state;
    guard_billing();
    stranger = billing;
    stranger.shape = m.source_guard.shape;
    assert_done(guard_change_fence(m.source, &stranger, &off, &changed, &err), &err);
    assert_false(changed);
    support_sql(
        m.source,
        "DO $$ DECLARE pass text := (SELECT migration_id || '/' || owner_epoch FROM tenantmv.owner WHERE "
        "events "
        "= 'billing.events'::regclass); BEGIN PERFORM set_config('tenantmv.pass', pass, false); END $$");
    move_decide(&m);
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err, TMV_ERR_MOVED);
}

static void goes_on_with_a_sequence_that_was_renamed(void **state)
{
    struct tmv_error err;
    int64_t value;

    (void)state;
    guard_billing();
    support_sql(m.source, "ALTER SEQUENCE billing.positions RENAME TO others");
    assert_done(insert_billing(&err), &err);
    assert_done(guard_sequence_value(m.source, &billing_shape, &value, &err), &err);
    assert_billing_position("others");
    assert_int_equal(value, support_int(m.source, "SELECT last_value FROM billing.others"));
    assert_int_equal(support_int(m.source, "SELECT value FROM tenantmv.observe(1, 'billing.others')"), value);
}

/* Triggers of the last release name no table and no sequence; those of a restored dump name others. */
static void finds_the_positions_of_a_trigger_without_the_right_oids(void **state)
{
    static const char *const more[] = {"", ", '1', '2'"};
    struct tmv_error err;

    (void)state;
    guard_billing();
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        support_sql(
            m.source,
            "DROP TRIGGER \"~tenantmv_%s_insert\" ON billing.events; CREATE TRIGGER \"~tenantmv_%s_insert\" "
            "BEFORE INSERT ON billing.events FOR EACH ROW EXECUTE FUNCTION tenantmv.guard_insert('%s', "
            "'%lld'%s)",
            billing.mark, billing.mark, m.endpoints.tenant, (long long)billing.lock_key, more[i]);
        assert_done(insert_billing(&err), &err);
        assert_billing_position("positions");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_each_tables_own_positions, prepare, release),
        cmocka_unit_test_setup_teardown(refuses_a_tenant_in_the_table_that_it_left_and_not_in_the_other,
                                        prepare, release),
        cmocka_unit_test_setup_teardown(shares_no_retired_tenant_between_tables, prepare, release),
        cmocka_unit_test_setup_teardown(truncates_a_table_in_which_no_tenant_moves, prepare, release),
        cmocka_unit_test_setup_teardown(counts_what_each_table_turned_away, prepare, release),
        cmocka_unit_test_setup_teardown(owns_a_tenant_in_one_table_only, prepare, release),
        cmocka_unit_test_setup_teardown(goes_on_with_a_sequence_that_was_renamed, prepare, release),
        cmocka_unit_test_setup_teardown(finds_the_positions_of_a_trigger_without_the_right_oids, prepare,
                                        release),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

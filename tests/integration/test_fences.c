/* Around the fences: a decided move comes to its end whoever gave it up, and an engine that wakes up late
 * changes no fence, trigger, index or row of a store. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "control/repositories.h"
#include "support/life.h"

/* ---- after a decision ---- */

static int ready(void **state)
{
    (void)state;
    life_prepare(false, false);
    life_begin_and_wait_until_ready();
    life_stop_engine();
    return 0;
}

static int release(void **state)
{
    (void)state;
    life_release();
    return 0;
}

/* As an engine leaves it that decides, cannot reach the target then, and gives its lease back; long ago, so
 * that nobody watches over the decision any more. */
static void decide_and_give_up(void)
{
    const struct claimable what = {.migration = l.migration, .tenant = l.tenant};
    const struct engine_identity self = {.id = tmv_uuid_random(), .name = "gives up"};
    const struct phase_change change = {
        .from = TMV_PHASE_DUAL_WRITE, .to = TMV_PHASE_CUTOVER, .event_type = "cutover_initiated"};
    struct lease lease;
    struct tmv_error err;

    support_sql(l.on_control,
                "UPDATE tenantmv.lease SET heartbeat_at = clock_timestamp() - interval '1 minute'");
    assert_done(control_lease_take(l.on_control, &what, &self, &lease, &err), &err);
    assert_true(lease.taken);
    assert_done(control_phase_change(l.on_control, &lease.owner, &change, &err), &err);
    support_sql(l.on_target, "UPDATE tenantmv.fence SET state = 'armed', placement_epoch = 2;"
                             "SELECT setval('public.events_global_position_seq', 100000)");
    assert_done(pgx_begin(l.on_control, SUPPORT_TIMEOUT_US, &err), &err);
    assert_done(control_complete_cutover(l.on_control, &lease.owner, l.target.id, NULL, NULL, &err), &err);
    support_sql(l.on_control,
                "UPDATE tenantmv.fence SET state = 'moved', placement_epoch = 2, store_id = '%s'",
                l.target.id);
    assert_done(pgx_commit(l.on_control, SUPPORT_TIMEOUT_US, &err), &err);
    assert_done(control_lease_release(l.on_control, &lease.owner, &err), &err);
    support_sql(l.on_control, "UPDATE public.tenant_migrations SET completed_at = now() - interval '2 days'");
}

static void opens_the_target_of_a_decided_move_that_nobody_holds(void **state)
{
    (void)state;
    decide_and_give_up();
    life_start_engine();
    support_wait_until(l.on_target, "SELECT count(*) = 1 FROM tenantmv.fence WHERE state = 'open'");
    life_wait_for("NOT s.unsettled AND l.engine IS NULL");
    life_assert_moved();
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(opens_the_target_of_a_decided_move_that_nobody_holds, ready),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

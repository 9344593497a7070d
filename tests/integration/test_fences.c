/* Around the fences: a decided move comes to its end whoever gave it up, and an engine that wakes up late
 * changes no fence, trigger, index or row of a store. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "control/repositories.h"
#include "move/cutover/cutover_manager.h"
#include "sql_embedded.h"
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

static int prepared(void **state)
{
    (void)state;
    life_prepare(false, true);
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
    const struct phase_change change = {.move = MOVE_BEGIN_CUTOVER, .from = TMV_PHASE_DUAL_WRITE};
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

/* Its own triggers go from both stores a while after, and the source stays closed to it without them. */
static void leaves_no_triggers_of_a_tenants_own_behind(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    life_expect(life_ask(TMV_OP_CUTOVER, "test"), TMV_COMMAND_DONE, "completed");
    life_wait_for("s.retired");
    for (int i = 0; i < 2; i++)
        assert_int_equal(support_int(i ? l.on_source : l.on_target,
                                     "SELECT count(*) FROM pg_trigger WHERE position('%s' IN encode(tgargs, "
                                     "'escape')) > 0",
                                     l.tenant_text),
                         0);
    life_assert_moved();
}

/* Every try to fold the source's triggers away fails, as on a busy table, and notes the milliseconds since
 * the one before. A snapshot keeps the engine from trying until that is in place. */
static void complete_a_move_with_a_busy_source(void)
{
    life_begin_and_wait_until_ready();
    struct pgx_conn *old = support_connect(l.source.conninfo);
    support_sql(old, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    support_int(old, "SELECT count(*) FROM pg_class");
    life_expect(life_ask(TMV_OP_CUTOVER, "test"), TMV_COMMAND_DONE, "completed");
    support_sql(l.on_source,
                "CREATE SEQUENCE public.tried_at; CREATE SEQUENCE public.try_gap; "
                "CREATE OR REPLACE FUNCTION tenantmv.share_triggers(p_events regclass) RETURNS void "
                "LANGUAGE plpgsql AS $$ DECLARE "
                "v_now bigint := extract(epoch FROM clock_timestamp()) * 1000; BEGIN "
                "PERFORM setval('public.try_gap', greatest(v_now - last_value, 1)) FROM public.tried_at; "
                "PERFORM setval('public.tried_at', v_now); "
                "RAISE EXCEPTION 'busy' USING ERRCODE = 'lock_not_available'; END $$");
    support_sql(l.on_control, "UPDATE public.tenant_migrations SET completed_at = clock_timestamp()");
    pgx_close(old);
}

/* The tenant may be wanted back, which has to wait for that; but a try may hold the table's writers up. */
static void folds_triggers_away_soon_and_later_tries_are_rarer(void **state)
{
    (void)state;
    complete_a_move_with_a_busy_source();
    support_wait_until(l.on_source, "SELECT is_called AND last_value < 4000 FROM public.try_gap");
    support_sql(l.on_control,
                "UPDATE public.tenant_migrations SET completed_at = clock_timestamp() - interval '1 hour'");
    support_wait_until(l.on_source, "SELECT last_value > 4000 FROM public.try_gap");
    life_assert_moved();
}

/* ---- what the decision stands on ---- */

static int moving(void **state)
{
    (void)state;
    life_prepare(false, true);
    l.settings.lock_budget_ms = 900;
    life_begin_and_wait_until_ready();
    return 0;
}

/* A cutover is asked for while a transaction of somebody's, which the gates cannot see yet, turns the guard
 * of a table off. It ends as it is, or commits while the cutover waits for it. */
static void meddle(const char *conninfo, const char *table, bool commits)
{
    AUTO_CONN struct pgx_conn *meddler = support_connect(conninfo);
    AUTO_CONN struct pgx_conn *looker = support_connect(conninfo);
    const struct tmv_request request = {.operation = TMV_OP_CUTOVER, .migration = l.migration};
    struct tmv_command_info info = {0};
    struct tmv_uuid id;
    struct tmv_error err;

    life_wait_for("m.phase = 'dual_write' AND s.ready");
    support_sql(meddler, "BEGIN; ALTER TABLE %s DISABLE TRIGGER USER", table);
    assert_done(tmv_request(l.handle, &request, &amy, &id, &err), &err);
    if (commits) {
        support_wait_until(
            looker, "SELECT count(*) > 0 FROM pg_locks WHERE mode = 'RowExclusiveLock' AND NOT granted");
        support_sql(meddler, "COMMIT");
    }
    for (int64_t until = clock_now_us() + 60 * US_PER_S;
         info.state == TMV_COMMAND_REQUESTED || info.state == TMV_COMMAND_RUNNING;
         stop_sleep(NULL, 10 * US_PER_MS)) {
        assert_true(clock_now_us() < until);
        assert_done(tmv_command_get(l.handle, &id, &info, &err), &err);
    }
    if (info.state != TMV_COMMAND_FAILED ||
        !strstr(info.outcome, commits ? "change" : "is changing the events table"))
        fail_msg("%s: %s: %s", table, tmv_command_state_name(info.state), info.outcome);
    support_sql(meddler, "ROLLBACK");
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'open'"), 1);
}

static void decides_only_on_guards_that_nobody_changes(void **state)
{
    AUTO_FREE char *leaf = support_text(
        l.on_source,
        "SELECT relid::regclass::text FROM pg_partition_tree('public.events') WHERE isleaf LIMIT 1");
    struct tmv_error err;

    (void)state;
    meddle(l.source.conninfo, "public.events", false);
    meddle(l.source.conninfo, leaf, false);
    meddle(l.target.conninfo, "public.events", false);
    meddle(l.source.conninfo, leaf, true);
    assert_done(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err);
}

static int may_lag_no_event(void **state)
{
    (void)state;
    life_prepare(false, false);
    l.settings.cutover_max_lag_events = 0;
    life_begin_and_wait_until_ready();
    return 0;
}

static void waits_until_no_more_events_are_behind_than_allowed(void **state)
{
    struct tmv_error err;

    (void)state;
    life_wait_for("s.gates @> '[{\"name\": \"lag events\", \"green\": true}]'");
    life_expect(life_ask(TMV_OP_PAUSE, "so that events wait"), TMV_COMMAND_DONE, "paused");
    assert_done(move_insert(l.on_source, &l.tenant, 700, 1, &err), &err);
    life_wait_for("s.gates @> '[{\"name\": \"lag events\", \"green\": false, \"seen\": \"1 events > 0\"}]'");
    life_expect(life_ask(TMV_OP_RESUME, NULL), TMV_COMMAND_DONE, "resumed");
    life_wait_for("s.ready");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
}

/* ---- an engine that wakes up late ---- */

static struct move m;
static struct guard late_source, late_target; /* as the late engine knows them */

/* Both stores guarded; then another engine takes the migration over. */
static int taken_over(void **state)
{
    struct tmv_error err;

    (void)state;
    move_prepare(&m, false);
    move_guard_source(&m);
    move_open_target(&m);
    late_source = m.source_guard;
    late_target = m.target_guard;
    m.source_guard.owner_epoch++;
    m.target_guard.owner_epoch++;
    assert_done(guard_raise_owner(m.source, &m.source_guard, &err), &err);
    assert_done(guard_raise_owner(m.target, &m.target_guard, &err), &err);
    return 0;
}

static int mirroring(void **state)
{
    (void)state;
    move_prepare(&m, false);
    move_guard_source(&m);
    move_open_target(&m);
    return 0;
}

static int release_move(void **state)
{
    (void)state;
    move_release(&m);
    return 0;
}

/* Fences, triggers, rows and the position sequence of a store, as one text. */
static char *picture(struct pgx_conn *conn)
{
    return support_text(
        conn, "SELECT concat_ws(' ', (SELECT string_agg(f::text, ',') FROM tenantmv.fence f),"
              " (SELECT string_agg(a::text, ',') FROM tenantmv.applied a),"
              " (SELECT string_agg(tgname || tgenabled::text, ',' ORDER BY tgname) FROM pg_trigger),"
              " (SELECT last_value FROM public.events_global_position_seq))");
}

static bool l_prepare_fence(struct tmv_error *err)
{
    return guard_prepare_fence(m.source, &late_source, FENCE_OPEN, 600, 1, err);
}

static bool l_install(struct tmv_error *err)
{
    struct guard_installed installed;

    return guard_install(m.source, &late_source, GUARD_ROWS, 1000000, &installed, err);
}

static bool l_remove(struct tmv_error *err)
{
    char why[GUARD_WHY_MAX];

    return guard_remove(m.source, &late_source, false, why, err);
}

static bool l_remove_on_the_target(struct tmv_error *err)
{
    char why[GUARD_WHY_MAX];

    return guard_remove(m.target, &late_target, true, why, err);
}

static bool l_raise_owner(struct tmv_error *err)
{
    return guard_raise_owner(m.target, &late_target, err);
}

/* Statements of which the first column counts what the engine owns. */
static bool owned_rows(struct pgx_conn *conn, const char *sql, struct pgx_args args, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *owned = NULL;

    assert_done(pgx_query(conn, SUPPORT_TIMEOUT_US, sql, args, &owned, err), err);
    return pgx_int(owned, 0, 0) > 0 || err_set(err, TMV_ERR_OWNERSHIP, "nothing is owned");
}

static bool l_begin_applied(struct tmv_error *err)
{
    return owned_rows(m.target, sql_phase_applied_begin,
                      PGX_ARGS(PGX_UUID(&late_target.migration), PGX_UUID(&late_target.tenant),
                               PGX_INT(late_target.owner_epoch), PGX_INT(5),
                               PGX_INT(m.endpoints.target.relation_oid)),
                      err);
}

static bool l_clean_target(struct tmv_error *err)
{
    return owned_rows(m.target, sql_undo_target_rows,
                      PGX_ARGS(PGX_UUID(&late_target.tenant), PGX_UUID(&late_target.migration),
                               PGX_INT(late_target.owner_epoch), PGX_INT(m.endpoints.target.relation_oid)),
                      err);
}

static bool l_clean_source(struct tmv_error *err)
{
    return owned_rows(m.source, sql_undo_source_rows,
                      PGX_ARGS(PGX_UUID(&late_source.tenant), PGX_UUID(&late_source.migration),
                               PGX_INT(late_source.owner_epoch), PGX_INT(m.endpoints.source.relation_oid)),
                      err);
}

/* The sequence is not taken back by the rollback, so it must not have been turned. */
static bool l_arm(struct tmv_error *err)
{
    m.endpoints.owner.epoch = late_target.owner_epoch;
    AUTO(buf) struct buf sql = BUF_INIT(4000);

    assert_done(cutover_arm_sql(&m.endpoints, 2, 1000, &sql, err), err);
    if (pgx_script(m.target, SUPPORT_TIMEOUT_US, buf_text(&sql), 0, NULL, err))
        return true;
    assert_string_equal(err->sqlstate, "TM010");
    return err_set(err, TMV_ERR_OWNERSHIP, "not armed");
}

/* Where the decision's first half is committed, not only at a gate a moment before. */
static void a_target_under_repair_is_not_armed(void **state)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    struct tmv_error err;

    (void)state;
    assert_done(cutover_arm_sql(&m.endpoints, 2, 1000, &sql, &err), &err);
    support_sql(m.target, "INSERT INTO tenantmv.repair SELECT migration_id FROM tenantmv.applied");
    AUTO_FREE char *before = picture(m.target);
    assert_false(pgx_script(m.target, SUPPORT_TIMEOUT_US, buf_text(&sql), 0, NULL, &err));
    assert_string_equal(err.sqlstate, "TM013");
    AUTO_FREE char *after = picture(m.target);
    assert_string_equal(before, after);
    support_sql(m.target, "DELETE FROM tenantmv.repair");
    assert_done(pgx_script(m.target, SUPPORT_TIMEOUT_US, buf_text(&sql), 0, NULL, &err), &err);
}

/* A source that failed over to a replica which had not everything hands positions out again that the tail has
 * passed. Their transaction is still open when the tail looks. */
static void notices_what_was_in_flight_when_it_connected(void **state)
{
    static const struct tmv_uuid other = {.bytes = {9, 9}};
    AUTO_CONN struct pgx_conn *writer = support_connect(m.endpoints.source_store.conninfo);
    struct tailer t;
    struct tmv_error err;
    bool behind, ok = true;

    (void)state;
    support_sql(writer, "BEGIN");
    assert_done(move_insert(writer, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    assert_done(move_insert(m.source, &other, 2, 1, &err), &err);
    support_sql(m.target, "UPDATE tenantmv.applied SET watermark = %lld",
                (long long)support_int(m.source, "SELECT last_value FROM public.events_global_position_seq"));
    tailer_init(&t, &m.endpoints, &m.source_guard);
    assert_done(tailer_connect(&t, &err), &err);
    assert_done(tailer_check_not_ahead(&t, &err), &err);
    support_sql(writer, "COMMIT");
    for (int i = 0; i < 50 && ok; i++)
        ok = tailer_turn(&t, &behind, &err);
    tailer_release(&t);
    assert_fails(ok, &err, TMV_ERR_DIVERGED);
}

/* What the successor did before. */

static void s_fence_off(void)
{
    support_sql(m.source, "UPDATE tenantmv.fence SET state = 'off'");
}

static void s_remove_guard(void)
{
    struct tmv_error err;
    char why[GUARD_WHY_MAX];

    assert_done(guard_remove(m.source, &m.source_guard, false, why, &err), &err);
    assert_string_equal(why, "");
}

static void s_forget_applied(void)
{
    support_sql(m.target, "DELETE FROM tenantmv.applied");
}

static const struct {
    const char *name;
    bool (*run)(struct tmv_error *err);
    bool on_target;
    void (*before)(void);
} acts[] = {
    {"arm the target", l_arm, true, NULL},
    {"remove the guard", l_remove, false, NULL},
    {"remove the target's guard", l_remove_on_the_target, true, NULL},
    {"raise the owner", l_raise_owner, true, NULL},
    {"clean the target", l_clean_target, true, NULL},
    {"begin the copy", l_begin_applied, true, s_forget_applied},
    {"prepare the fence", l_prepare_fence, false, s_fence_off},
    {"install the guard", l_install, false, s_remove_guard},
    {"clean the source", l_clean_source, false, NULL},
};

static void a_late_engine_changes_nothing_in_the_stores(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        struct pgx_conn *conn = acts[i].on_target ? m.target : m.source;
        struct tmv_error err = {0};

        if (acts[i].before)
            acts[i].before();
        AUTO_FREE char *before = picture(conn);
        if (acts[i].run(&err) || err.code != TMV_ERR_OWNERSHIP)
            fail_msg("%s: %s %s", acts[i].name, tmv_code_name(err.code), err.message);
        AUTO_FREE char *after = picture(conn);
        assert_string_equal(before, after);
    }
}

/* The fence has changed hands between its look at the owner and its change. */
static void a_late_engine_changes_no_fence(void **state)
{
    static const struct fence_change changes[] = {{.from = FENCE_OPEN, .to = FENCE_OFF},
                                                  {.from = FENCE_CLOSED, .to = FENCE_OPEN}};
    struct tmv_error err;
    bool changed = true;

    (void)state;
    AUTO_FREE char *before = picture(m.source);
    assert_done(guard_change_fence(m.source, &late_source, &changes[0], &changed, &err), &err);
    assert_false(changed);
    AUTO_FREE char *after = picture(m.source);
    assert_string_equal(before, after);
    assert_done(guard_change_fence(m.target, &late_target, &changes[1], &changed, &err), &err);
    assert_false(changed);
    /* The owner may. */
    assert_done(guard_change_fence(m.source, &m.source_guard, &changes[0], &changed, &err), &err);
    assert_true(changed);
}

/* The target is open: a decision was made that the source has forgotten, and writers use it. */
static void an_abort_leaves_a_target_that_took_the_tenant_over(void **state)
{
    const struct tmv_request request = {
        .operation = TMV_OP_ABORT, .migration = l.migration, .reason = "the source forgot"};
    struct tmv_uuid id;
    struct tmv_error err;

    (void)state;
    support_sql(l.on_target, "UPDATE tenantmv.fence SET state = 'open' WHERE tenant_id = '%s'",
                l.tenant_text);
    assert_done(tmv_request(l.handle, &request, &amy, &id, &err), &err);
    life_wait_for("m.last_error LIKE '%%the target takes the tenant''s writes%%'");
    assert_int_equal(life_count(l.on_target), HISTORY);
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'open'"), 1);
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(opens_the_target_of_a_decided_move_that_nobody_holds, ready),
        CASE(leaves_no_triggers_of_a_tenants_own_behind, prepared),
        CASE(folds_triggers_away_soon_and_later_tries_are_rarer, prepared),
        CASE(decides_only_on_guards_that_nobody_changes, moving),
        CASE(waits_until_no_more_events_are_behind_than_allowed, may_lag_no_event),
        cmocka_unit_test_setup_teardown(a_target_under_repair_is_not_armed, mirroring, release_move),
        cmocka_unit_test_setup_teardown(notices_what_was_in_flight_when_it_connected, mirroring,
                                        release_move),
        cmocka_unit_test_setup_teardown(a_late_engine_changes_nothing_in_the_stores, taken_over,
                                        release_move),
        cmocka_unit_test_setup_teardown(a_late_engine_changes_no_fence, taken_over, release_move),
        CASE(an_abort_leaves_a_target_that_took_the_tenant_over, moving),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

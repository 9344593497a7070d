/* What engines see of the stores, as those who connect to no store read it. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control_fixture.h"
#include "support/life.h"
#include "support/proxy.h"
#include "support/silent_server.h"
#include "tenantmv/stores.h"

static struct tmv_store_look look_with_every_fact(void)
{
    return (struct tmv_store_look){.place = "shop at db1:5432 as engine",
                                   .server_version = 150018,
                                   .standby = true,
                                   .read_only = true,
                                   .guard_ready = true,
                                   .answer_us = 1,
                                   .started_at_us = INT64_C(1795356151000002),
                                   .now_us = INT64_C(1795356151000003),
                                   .connections = 4,
                                   .connections_max = 5,
                                   .connections_ours = 6,
                                   .oldest_us = 7,
                                   .oldest_pid = 8,
                                   .oldest_who = "app orders",
                                   .standbys = 9,
                                   .synchronous = true,
                                   .replay_us = 10,
                                   .replay_bytes = 11,
                                   .database_bytes = INT64_C(9007199254740993), /* no double has it */
                                   .events_bytes = 12,
                                   .disk_free_bytes = 13,
                                   .disk_bytes = 14,
                                   .commits = 15,
                                   .fences_open = 16,
                                   .fences_shut = 17,
                                   .fences_moved = 18,
                                   .rejected = 19};
}

static struct engine_identity engine_called(const char *name)
{
    return (struct engine_identity){.id = tmv_uuid_random(), .name = name};
}

/* As `engine` saw the store that is registered as `id`; `why` NULL: it reached it. */
static void observe(struct control_fixture *f, const struct engine_identity *engine, const char *id,
                    const struct tmv_error *why)
{
    const struct tmv_store_look look = look_with_every_fact();
    struct tmv_store_info store;
    struct tmv_error err = {0};

    assert_done(tmv_store_get(f->control, id, &store, &err), &err);
    const struct observation seen = {
        .store = &store, .at_us = clock_now_us(), .look = why ? NULL : &look, .why = why};
    assert_done(control_observe(f->conn, engine, &seen, &err), &err);
}

static struct tmv_store_observation read_store(struct tmv_control *control, const char *id)
{
    AUTO_FREE struct tmv_store_observation *stores = NULL;
    struct tmv_store_observation found = {0};
    size_t count = 0;
    struct tmv_error err = {0};

    assert_done(tmv_store_observations(control, &stores, &count, &err), &err);
    for (size_t i = 0; i < count; i++)
        if (strcmp(stores[i].id, id) == 0)
            found = stores[i];
    assert_string_equal(found.id, id);
    return found;
}

static bool about(int64_t at_us, int64_t ago_us)
{
    int64_t off_us = clock_now_us() - at_us - ago_us;

    return off_us > -2 * US_PER_S && off_us < 20 * US_PER_S; /* a slow machine looks late, never early */
}

/* ---- what is written is what is read ---- */

/* Fact by fact: what lies between the members of a struct is nobody's. */
static void assert_same_look(const struct tmv_store_look *found, const struct tmv_store_look *expected)
{
    assert_string_equal(found->place, expected->place);
    assert_string_equal(found->oldest_who, expected->oldest_who);
#define SAME(member) assert_true(found->member == expected->member)
    SAME(server_version), SAME(standby), SAME(read_only), SAME(guard_ready), SAME(answer_us);
    SAME(started_at_us), SAME(now_us), SAME(connections), SAME(connections_max), SAME(connections_ours);
    SAME(oldest_us), SAME(oldest_pid), SAME(standbys), SAME(synchronous), SAME(replay_us);
    SAME(replay_bytes), SAME(database_bytes), SAME(events_bytes), SAME(disk_free_bytes), SAME(disk_bytes);
    SAME(commits), SAME(fences_open), SAME(fences_shut), SAME(fences_moved), SAME(rejected);
#undef SAME
}

static void keeps_every_fact_with_its_time(void **state)
{
    const struct tmv_store_look expected = look_with_every_fact();
    const struct engine_identity engine = engine_called("worker one");
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    struct tmv_store_observation found = read_store(f.control, "shared");
    assert_false(found.seen || found.failing || found.engine_runs);
    observe(&f, &engine, "shared", NULL);
    found = read_store(f.control, "shared");
    assert_true(found.seen && found.engine_runs && !found.failing);
    assert_string_equal(found.seen_by, "worker one");
    assert_same_look(&found.look, &expected);
    assert_true(about(found.looked_us, 0));
    assert_false(read_store(f.control, "dedicated").seen);
    assert_true(read_store(f.control, "dedicated").engine_runs);
    /* by the database's clock, whatever this machine's says */
    support_sql(f.conn, "UPDATE tenantmv.store_observation SET measured_at = measured_at - interval '70 s'");
    found = read_store(f.control, "shared");
    assert_true(found.seen && about(found.looked_us, 70 * US_PER_S));
    assert_false(found.engine_runs);
    support_sql(f.conn, "UPDATE tenantmv.store_observation SET measured_at = now() + interval '70 s'");
    assert_false(read_store(f.control, "shared").seen);
    control_fixture_close(&f);
}

static void a_failure_keeps_the_last_facts_and_tells_since_when(void **state)
{
    const struct engine_identity one = engine_called("worker one"), two = engine_called("worker two");
    const struct tmv_error why = {.code = TMV_ERR_UNREACHABLE, .message = "no way", .hint = "a way"};
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    observe(&f, &one, "shared", NULL);
    observe(&f, &one, "shared", &why);
    support_sql(f.conn,
                "UPDATE tenantmv.store_observation SET failing_since = failing_since - interval '90 s'");
    observe(&f, &one, "shared", &why);
    struct tmv_store_observation found = read_store(f.control, "shared");
    assert_true(found.seen && found.failing);
    assert_int_equal(found.look.connections, 4);
    assert_string_equal(found.why, "no way");
    assert_string_equal(found.hint, "a way");
    assert_true(about(found.failing_since_us, 90 * US_PER_S) && about(found.failed_us, 0));
    /* another engine may reach it; that does not make up for this one's failure */
    observe(&f, &two, "shared", NULL);
    found = read_store(f.control, "shared");
    assert_string_equal(found.seen_by, "worker two");
    assert_true(found.failing);
    assert_string_equal(found.failed_by, "worker one");
    observe(&f, &one, "shared", NULL);
    assert_false(read_store(f.control, "shared").failing);
    control_fixture_close(&f);
}

/* What an entry showed before it was replaced would be shown as the new place's. */
static void a_replaced_store_shows_nothing_of_the_old_place(void **state)
{
    const struct engine_identity engine = engine_called("worker one");
    const struct tmv_store_look look = look_with_every_fact();
    const struct tmv_error why = {.code = TMV_ERR_UNREACHABLE, .message = "no way"};
    struct tmv_store_info before, after;
    struct tmv_error err = {0};
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    assert_done(tmv_store_get(f.control, "shared", &before, &err), &err);
    after = before;
    snprintf(after.conninfo, sizeof after.conninfo, "host=/nonexistent/three");
    observe(&f, &engine, "shared", NULL);
    assert_done(tmv_store_replace(f.control, &after, true, &err), &err);
    assert_false(read_store(f.control, "shared").seen);
    const struct observation late = {.store = &before, .at_us = clock_now_us(), .look = &look};
    assert_done(control_observe(f.conn, &engine, &late, &err), &err);
    assert_false(read_store(f.control, "shared").seen);
    observe(&f, &engine, "shared", &why); /* keeps nothing of before */
    assert_true(read_store(f.control, "shared").failing);
    assert_false(read_store(f.control, "shared").seen);
    assert_done(tmv_store_remove(f.control, "dedicated", &err), &err);
    observe(&f, &engine, "shared", NULL);
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM tenantmv.store_observation"), 1);
    control_fixture_close(&f);
}

static void rows_of_silent_engines_go_when_their_facts_are_replaced(void **state)
{
    const struct engine_identity one = engine_called("worker one"), two = engine_called("worker two");
    const struct tmv_error why = {.code = TMV_ERR_UNREACHABLE, .message = "no way"};
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    observe(&f, &one, "shared", NULL);
    observe(&f, &two, "shared", NULL);
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM tenantmv.store_observation"), 2);
    support_sql(f.conn, "UPDATE tenantmv.store_observation SET measured_at = measured_at - interval '2 min'");
    support_sql(f.conn, "DELETE FROM tenantmv.store_observation WHERE engine_name = 'worker two'");
    observe(&f, &two, "shared", &why);
    assert_string_equal(read_store(f.control, "shared").seen_by, "worker one");
    observe(&f, &two, "shared", NULL);
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM tenantmv.store_observation"), 1);
    control_fixture_close(&f);
}

/* A session that stands still with a lock on a row must not hold up what another engine sees. */
static void no_engine_waits_for_the_row_of_another_one(void **state)
{
    const struct engine_identity one = engine_called("worker one"), two = engine_called("worker two");
    struct control_fixture f;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    observe(&f, &one, "shared", NULL);
    support_sql(f.conn, "UPDATE tenantmv.store_observation SET measured_at = measured_at - interval '2 min'");
    AUTO_CONN struct pgx_conn *holder = support_connect(f.conninfo);
    assert_done(pgx_begin(holder, SUPPORT_TIMEOUT_US, &err), &err);
    support_int(holder, "SELECT count(*) FROM (SELECT FROM tenantmv.store_observation FOR UPDATE) held");
    support_sql(f.conn, "SET lock_timeout = '1s'");
    observe(&f, &two, "shared", NULL);
    assert_string_equal(read_store(f.control, "shared").seen_by, "worker two");
    pgx_rollback(holder, SUPPORT_TIMEOUT_US);
    observe(&f, &two, "shared", NULL); /* it goes with the next look */
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM tenantmv.store_observation"), 1);
    control_fixture_close(&f);
}

/* Pasted as it is, the GRANT names the role that lacks the right. */
static void a_refused_watcher_is_told_its_role_as_sql_writes_it(void **state)
{
    char conninfo[CLUSTER_CONNINFO_MAX + 40];
    AUTO_FREE struct tmv_store_observation *stores = NULL;
    struct tmv_control *watcher;
    struct control_fixture f;
    size_t count = 0;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    assert_done(tmv_control_read_only_role(f.conninfo, "Odd\"looker", &err), &err);
    snprintf(conninfo, sizeof conninfo, "%s user='Odd\"looker'", f.conninfo);
    assert_done(tmv_control_open_read_only(conninfo, &watcher, &err), &err);
    support_sql(f.conn, "REVOKE SELECT ON tenantmv.store_observation FROM \"Odd\"\"looker\"");
    assert_fails(tmv_store_observations(watcher, &stores, &count, &err), &err, TMV_ERR_SQL);
    assert_string_equal(err.hint, "GRANT SELECT ON tenantmv.store_observation TO \"Odd\"\"looker\"");
    support_sql(f.conn, "%s", err.hint);
    assert_done(tmv_store_observations(watcher, &stores, &count, &err), &err);
    tmv_control_close(watcher);
    control_fixture_close(&f);
}

/* ---- what others wrote, and what must not be written ---- */

static void makes_safe_what_comes_from_servers_and_from_other_hands(void **state)
{
    static const char *const evil[] = {
        "[]", "null", "{\"connections\": 1e300, \"place\": 7, \"standby\": \"yes\", \"oldest_us\": {}}",
        "{\"place\": \"a\\u001b[31m\\u202e\", \"connections\": 99999999999}"};
    const struct engine_identity engine = engine_called("evil\033[2J\xff");
    struct tmv_error why = {.code = TMV_ERR_SQL}, err;
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    memset(why.message, 'x', sizeof why.message - 1);
    memcpy(why.message, "\033[31m", 5);
    observe(&f, &engine, "shared", &why);
    struct tmv_store_observation found = read_store(f.control, "shared");
    assert_int_equal(strlen(found.why), TMV_REASON_MAX - 1);
    assert_null(strchr(found.why, '\033'));
    assert_null(strchr(found.failed_by, '\033'));
    assert_int_equal(
        support_int(f.conn, "SELECT count(*) FROM tenantmv.store_observation o WHERE o::text ~ E'\\033'"), 0);
    observe(&f, &engine, "shared", NULL);
    for (size_t i = 0; i < ARRAY_LEN(evil); i++) {
        support_sql(f.conn, "UPDATE tenantmv.store_observation SET facts = '%s', engine_name = E'a\\033b'",
                    evil[i]);
        found = read_store(f.control, "shared");
        assert_true(found.seen && strlen(found.look.place) < sizeof found.look.place);
        assert_null(strchr(found.look.place, '\033'));
        assert_null(strchr(found.seen_by, '\033'));
    }
    assert_int_equal(found.look.connections, INT32_MAX);
    assert_int_equal(found.look.oldest_us, -1);
    assert_false(pgx_script(f.conn, SUPPORT_TIMEOUT_US,
                            "UPDATE tenantmv.store_observation SET cause = repeat('x', 401)", 0, NULL, &err));
    assert_string_equal(err.sqlstate, "23514");
    assert_false(pgx_script(
        f.conn, SUPPORT_TIMEOUT_US,
        "UPDATE tenantmv.store_observation SET facts = jsonb_build_object('place', repeat('x', 9000))", 0,
        NULL, &err));
    assert_string_equal(err.sqlstate, "23514");
    control_fixture_close(&f);
}

/* ---- a living engine ---- */

static void wait_for_observation(const char *store, const char *condition)
{
    support_wait_until(l.on_control,
                       "SELECT count(*) > 0 FROM tenantmv.store_observation WHERE store_id = '%s' AND (%s)",
                       store, condition);
}

static void an_engine_writes_what_a_watcher_reads(void **state)
{
    char conninfo[CLUSTER_CONNINFO_MAX + 40];
    struct tmv_control *watcher;
    struct tmv_error err = {0};

    (void)state;
    assert_done(tmv_control_read_only_role(l.control, "observed_watcher", &err), &err);
    snprintf(conninfo, sizeof conninfo, "%s user=observed_watcher", l.control);
    life_start_engine();
    wait_for_observation("shared", "measured_at IS NOT NULL");
    wait_for_observation("dedicated", "measured_at IS NOT NULL");
    assert_done(tmv_control_open_read_only(conninfo, &watcher, &err), &err);
    struct tmv_store_observation found = read_store(watcher, "dedicated");
    assert_true(found.seen && found.engine_runs && !found.failing);
    assert_string_equal(found.seen_by, "test");
    assert_int_equal(found.look.server_version / 10000,
                     support_int(l.on_target, "SELECT current_setting('server_version_num')::int / 10000"));
    assert_true(found.look.database_bytes > 0 && found.look.events_bytes > 0 && found.look.connections > 0);
    tmv_control_close(watcher);
    AUTO_FREE char *first = support_text(
        l.on_control, "SELECT measured_at FROM tenantmv.store_observation WHERE store_id = 'dedicated'");
    char again[100];
    snprintf(again, sizeof again, "measured_at > '%.40s'", first);
    wait_for_observation("dedicated", again);
    assert_int_equal(support_int(l.on_control,
                                 "SELECT count(*) FROM tenantmv.store_observation o, tenantmv.store s WHERE "
                                 "position(s.conninfo IN o::text) > 0"),
                     0);
}

static void an_outage_is_told_with_its_cause_and_its_end(void **state)
{
    struct tmv_error err = {0};

    (void)state;
    life_start_engine();
    wait_for_observation("dedicated", "measured_at IS NOT NULL");
    pgx_close(TAKE(l.on_target));
    assert_done(cluster_stop(support_cluster("target", NULL), CLUSTER_IMMEDIATE, &err), &err);
    wait_for_observation("dedicated", "failed_at IS NOT NULL AND cause LIKE 'store dedicated%%' AND facts IS "
                                      "NOT NULL");
    AUTO_FREE char *since = support_text(
        l.on_control, "SELECT failing_since FROM tenantmv.store_observation WHERE store_id = 'dedicated'");
    support_wait_until(l.on_control,
                       "SELECT failed_at > '%s' FROM tenantmv.store_observation WHERE store_id = 'dedicated'",
                       since);
    assert_int_equal(support_int(l.on_control,
                                 "SELECT count(*) FROM tenantmv.store_observation WHERE store_id = "
                                 "'dedicated' AND failing_since = '%s'",
                                 since),
                     1);
    assert_done(cluster_resume(support_cluster("target", NULL), &err), &err);
    wait_for_observation("dedicated", "failed_at IS NULL AND failing_since IS NULL AND cause = ''");
}

static void hung_stores_are_told_and_delay_no_other(void **state)
{
    char conninfo[300];
    int fd = silent_server(conninfo);

    (void)state;
    support_sql(l.on_control,
                "INSERT INTO tenantmv.store (id, conninfo) SELECT 'hung-' || n, '%s' FROM generate_series(1, "
                "40) n",
                conninfo);
    life_start_engine();
    wait_for_observation("hung-40", "failed_at IS NOT NULL AND cause <> '' AND measured_at IS NULL");
    wait_for_observation("shared", "measured_at > clock_timestamp() - interval '5 s'");
    int64_t began_us = clock_now_us();
    life_stop_engine();
    assert_true(clock_now_us() - began_us < 20 * US_PER_S); /* it waits for none of them */
    close(fd);
}

/* Everything that is asked is answered in time, but the whole is not: what hangs is told before it ends. */
static void a_slow_store_is_told_while_it_is_looked_at(void **state)
{
    struct proxy *proxy = proxy_start(l.source.conninfo);
    struct tmv_store_info slow = {.id = "slow"};
    struct tmv_error err = {0};

    (void)state;
    proxy_conninfo(proxy, l.source.conninfo, slow.conninfo);
    assert_done(tmv_store_add(l.handle, &slow, &err), &err);
    proxy_delay(proxy, 500 * US_PER_MS);
    life_start_engine();
    wait_for_observation("slow", "cause LIKE 'store slow: no answer for %%' AND hint <> ''");
    proxy_delay(proxy, 0);
    wait_for_observation("slow", "measured_at IS NOT NULL AND failed_at IS NULL");
    life_stop_engine();
    proxy_stop(proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_every_fact_with_its_time),
        cmocka_unit_test(a_failure_keeps_the_last_facts_and_tells_since_when),
        cmocka_unit_test(a_replaced_store_shows_nothing_of_the_old_place),
        cmocka_unit_test(rows_of_silent_engines_go_when_their_facts_are_replaced),
        cmocka_unit_test(no_engine_waits_for_the_row_of_another_one),
        cmocka_unit_test(a_refused_watcher_is_told_its_role_as_sql_writes_it),
        cmocka_unit_test(makes_safe_what_comes_from_servers_and_from_other_hands),
        cmocka_unit_test_setup_teardown(an_engine_writes_what_a_watcher_reads, life_plain, life_done),
        cmocka_unit_test_setup_teardown(an_outage_is_told_with_its_cause_and_its_end, life_plain, life_done),
        cmocka_unit_test_setup_teardown(a_slow_store_is_told_while_it_is_looked_at, life_plain, life_done),
        cmocka_unit_test_setup_teardown(hung_stores_are_told_and_delay_no_other, life_plain, life_done),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

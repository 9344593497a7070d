/* What operators look at beyond the snapshot: the servers behind the stores, and the record of a migration.
 */
#include "test.h"

#include <string.h>

#include "control_fixture.h"
#include "tenantmv/record.h"
#include "store/look.h"

#define LOOK_US INT64_C(20000000)

static struct tmv_store_look look(const struct tmv_store_info *store)
{
    struct tmv_store_look found;
    struct tmv_error err = {0};

    assert_done(store_look(store, NULL, LOOK_US, &found, &err), &err);
    return found;
}

static void looks_at_a_server(void **state)
{
    struct tmv_store_info store;
    struct tmv_store_look found;

    (void)state;
    support_store(support_cluster("source", NULL), "shared", false, &store);
    AUTO_CONN struct pgx_conn *conn = support_connect(store.conninfo);
    struct tmv_uuid tenant = tmv_uuid_random();
    support_fill(conn, &tenant, 10, 10);
    found = look(&store);
    assert_int_equal(found.server_version / 10000,
                     support_int(conn, "SELECT current_setting('server_version_num')::int / 10000"));
    assert_false(found.standby || found.read_only || found.guard_ready || found.synchronous);
    assert_true(found.connections >= 2 && found.connections_ours >= 1); /* this test's and the look's */
    assert_int_equal(found.connections_max, support_int(conn, "SHOW max_connections"));
    assert_true(found.database_bytes > found.events_bytes && found.events_bytes > 8192);
    assert_true(found.now_us > found.started_at_us && found.answer_us >= 0);
    assert_true(found.disk_free_bytes > 0 && found.disk_bytes > found.disk_free_bytes); /* it runs here */
    assert_int_equal(found.standbys, 0);
    assert_int_equal(found.replay_us, -1);
    assert_int_equal(found.rejected, -1);
    assert_non_null(strstr(found.place, " at "));
}

static void names_the_oldest_transaction(void **state)
{
    struct tmv_store_info store;
    struct tmv_store_look found;
    struct tmv_error err = {0};

    (void)state;
    support_store(support_cluster("source", NULL), "shared", false, &store);
    assert_int_equal(look(&store).oldest_us, -1);
    AUTO_CONN struct pgx_conn *old = support_connect(store.conninfo);
    AUTO_CONN struct pgx_conn *young = support_connect(store.conninfo);
    support_sql(old, "SET application_name = E'batch\\033[31m'");
    assert_done(pgx_begin(old, LOOK_US, &err), &err);
    assert_done(pgx_begin(young, LOOK_US, &err), &err);
    found = look(&store);
    assert_int_equal(found.oldest_pid, pgx_backend_pid(old));
    assert_true(found.oldest_us > 0);
    assert_non_null(strstr(found.oldest_who, "batch"));
    assert_null(strchr(found.oldest_who, '\033'));
    pgx_rollback(old, LOOK_US);
    pgx_rollback(young, LOOK_US);
}

static void counts_what_the_guard_turned_away(void **state)
{
    struct tmv_store_info store;
    struct tmv_store_look found;

    (void)state;
    support_store(support_cluster("source", NULL), "shared", false, &store);
    AUTO_CONN struct pgx_conn *conn = support_connect(store.conninfo);
    support_sql(conn, "%s", sql_store_schema);
    support_sql(conn, "INSERT INTO tenantmv.guarded VALUES ('public.events', 'tenantmv.rejected_writes'); "
                      "CREATE TABLE public.other (); "
                      "INSERT INTO tenantmv.fence (tenant_id, state, placement_epoch, events) "
                      "SELECT gen_random_uuid(), state, 1, 'public.events'"
                      "  FROM unnest('{open,moved,moved,armed,off}'::text[]) state"
                      " UNION ALL SELECT gen_random_uuid(), 'open', 1, 'public.other'");
    found = look(&store);
    assert_true(found.guard_ready);
    assert_int_equal(found.rejected, 0);
    assert_int_equal(support_int(conn, "SELECT nextval('tenantmv.rejected_writes')"), 1);
    assert_int_equal(support_int(conn, "SELECT nextval('tenantmv.rejected_writes')"), 2);
    found = look(&store);
    assert_int_equal(found.rejected, 2);
    assert_int_equal(found.fences_open, 1);
    assert_int_equal(found.fences_shut, 1);
    assert_int_equal(found.fences_moved, 2);
}

static void sees_less_with_fewer_rights(void **state)
{
    struct tmv_store_info store;
    struct tmv_store_look found;

    (void)state;
    support_store(support_cluster("source", NULL), "shared", true, &store);
    AUTO_CONN struct pgx_conn *conn = support_connect(store.conninfo);
    support_sql(conn, "%s", sql_store_schema);
    support_sql(conn, "DROP ROLE IF EXISTS onlooker; CREATE ROLE onlooker LOGIN");
    strncat(store.conninfo, " user=onlooker", sizeof store.conninfo - strlen(store.conninfo) - 1);
    found = look(&store);
    assert_int_equal(found.rejected, -1); /* no right on our schema */
    assert_int_equal(found.disk_free_bytes, -1);
    assert_true(found.connections > 0 && found.database_bytes > 0 && found.events_bytes >= 0);
}

static void says_why_a_server_cannot_be_looked_at(void **state)
{
    const struct tmv_store_info store = {.id = "gone", .conninfo = "host=/nonexistent"};
    struct tmv_store_look found;
    struct tmv_error err = {0};

    (void)state;
    assert_fails(store_look(&store, NULL, LOOK_US, &found, &err), &err, TMV_ERR_UNREACHABLE);
    assert_non_null(strstr(err.message, "gone"));
    assert_int_equal(found.server_version, 0);
}

static void counts_the_tenants_of_each_store(void **state)
{
    struct control_fixture f;
    struct tmv_store_tenants *counts = NULL;
    size_t count = 0;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    for (int i = 0; i < 3; i++) {
        struct tmv_uuid tenant = tmv_uuid_random();
        assert_done(tmv_routing_register(f.control, &tenant, "dedicated", &err), &err);
    }
    assert_done(tmv_store_tenants(f.control, &counts, &count, &err), &err);
    assert_int_equal(count, 2);
    assert_string_equal(counts[0].id, "dedicated");
    assert_int_equal(counts[0].tenants, 3);
    assert_int_equal(counts[1].tenants, 1);
    free(counts);
    control_fixture_close(&f);
}

/* ---- record ---- */

static void attempt(struct control_fixture *f, const char *outcome, int64_t lock_us)
{
    const struct tmv_attempt result = {
        .lock_us = lock_us, .drain_us = 2000, .decide_us = 1000, .pause_us = 4000, .drained_events = 28};
    struct tmv_attempt named = result;
    int64_t number;
    struct tmv_error err = {0};

    named.outcome = tmv_attempt_outcome_parse(outcome);
    assert_done(control_attempt_begin(f->conn, &f->owner, false, "amy", &number, &err), &err);
    assert_done(control_attempt_end(f->conn, &f->owner, number, &named, &err), &err);
}

static struct tmv_record *record(struct control_fixture *f)
{
    struct tmv_record *r = NULL;
    struct tmv_error err = {0};

    assert_done(tmv_record_read(f->control, &f->migration, &r, &err), &err);
    return r;
}

static void keeps_everything_of_a_migration(void **state)
{
    struct control_fixture f;
    const struct tmv_request pause = {.operation = TMV_OP_PAUSE};
    struct tmv_request request = pause;
    struct tmv_uuid command;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_cutover(&f);
    attempt(&f, "rolled_back", 20000);
    attempt(&f, "completed", 1000);
    assert_done(control_verification_add(f.conn, &f.owner, "hash", true,
                                         "{\"events_source\":12,\"to_position\":\"9007199254740993\"}", &err),
                &err);
    assert_done(control_verification_add(f.conn, &f.owner, "hash", false, "[]", &err), &err);
    support_sql(f.conn, "UPDATE public.tenant_migrations SET phase = 'dual_write'");
    request.migration = f.migration;
    assert_done(tmv_request(f.control, &request, &f.actor, &command, &err), &err);
    struct tmv_record *r = record(&f);
    assert_int_equal(r->attempt_count, 2);
    assert_int_equal(r->attempts[0].outcome, TMV_ATTEMPT_COMPLETED); /* newest first */
    assert_int_equal(r->attempts[1].lock_us, 20000);
    assert_int_equal(r->command_count, 2); /* oldest first */
    assert_int_equal(r->commands[0].operation, TMV_OP_START);
    assert_int_equal(r->commands[1].operation, TMV_OP_PAUSE);
    assert_string_equal(r->commands[1].requested_by, "amy");
    assert_int_equal(r->verification_count, 2);
    assert_false(r->verifications[0].consistent);
    assert_int_equal(r->verifications[0].events_source, -1); /* a report without numbers */
    assert_int_equal(r->verifications[1].events_source, 12);
    assert_true(r->verifications[1].to_position == INT64_C(9007199254740993));
    assert_string_equal(r->events[0].event_type, "migration_started"); /* oldest first */
    assert_true(r->event_count >= 4);
    tmv_record_free(r);
    f.migration = tmv_uuid_random();
    assert_fails(tmv_record_read(f.control, &f.migration, &r, &err), &err, TMV_ERR_NOT_FOUND);
    control_fixture_close(&f);
}

static void report(struct control_fixture *f)
{
    struct migration_progress p = {.step = "", .note = "", .sample = true};
    struct tmv_error err = {0};

    figure_set(&p.figures, TMV_FIGURE_LAG, 3000);
    figure_set(&p.figures, TMV_FIGURE_LAG_EVENTS, 2);
    assert_done(control_report_progress(f->conn, &f->owner, &p, &err), &err);
}

static void keeps_the_samples_around_an_attempt(void **state)
{
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_cutover(&f);
    attempt(&f, "rolled_back", 20000);
    support_sql(f.conn, "UPDATE tenantmv.cutover_attempt SET started_at = now() - interval '5 hours'");
    support_sql(f.conn,
                "INSERT INTO tenantmv.sample (migration_id, at, events_copied, rate, lag_us, lag_events) "
                "SELECT m.id, now() - interval '5 hours' + s * interval '10 s' + interval '5 s', s, 1, 2, 3 "
                "FROM public.tenant_migrations m, generate_series(-30, 30) s");
    report(&f);
    struct tmv_record *r = record(&f);
    assert_int_equal(r->sample_count, 12 + 1); /* a minute on both sides, and the new one */
    assert_int_equal(r->samples[0].events_copied, -6);
    assert_int_equal(r->samples[11].events_copied, 5);
    tmv_record_free(r);
    control_fixture_close(&f);
}

/* Its rows have no times: they are known while it gives signs of life. */
static void knows_what_an_older_engine_wrote(void **state)
{
    struct control_fixture f;
    struct tmv_snapshot *s = NULL;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_cutover(&f);
    for (int alive = 1; alive >= 0; alive--) {
        support_sql(
            f.conn,
            "UPDATE tenantmv.migration_state SET measured = '{}', lag_us = 3000, ready = true, gates = "
            "'[{\"name\": \"lag\", \"green\": true, \"seen\": \"3 ms\"}]'; UPDATE tenantmv.lease SET "
            "heartbeat_at = now() - interval '%d s'",
            alive ? 0 : 6);
        assert_done(tmv_snapshot_read(f.control, NULL, 10, &s, &err), &err);
        assert_int_equal(s->migrations[0].gates[0].unknown, !alive);
        assert_int_equal(s->migrations[0].lag_us, alive ? 3000 : -1);
        tmv_snapshot_free(s);
    }
    control_fixture_close(&f);
}

static void shows_the_budgets_of_a_migration(void **state)
{
    static const struct {
        const char *config;
        int64_t lag_gate_us, lock_us, pause_us;
    } cases[] = {
        {"{}", 50000, 20000, 500000},
        {"{\"cutover_max_lag_ms\": 80, \"lock_budget_ms\": 7}", 80000, 7000, 500000},
        /* what another program, or a bad hand, may have written */
        {"{\"cutover_max_lag_ms\": \"many\", \"lock_budget_ms\": -1e300, \"cutover_timeout_ms\": 250.5}",
         50000, 20000, 251000},
        {"[]", 50000, 20000, 500000},
    };
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    control_fixture_start(&f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tmv_snapshot *s = NULL;
        struct tmv_error err = {0};
        support_sql(f.conn, "UPDATE public.tenant_migrations SET config = '%s'", cases[i].config);
        assert_done(tmv_snapshot_read(f.control, NULL, 10, &s, &err), &err);
        assert_int_equal(s->migrations[0].lag_gate_us, cases[i].lag_gate_us);
        assert_int_equal(s->migrations[0].lock_budget_us, cases[i].lock_us);
        assert_int_equal(s->migrations[0].pause_budget_us, cases[i].pause_us);
        tmv_snapshot_free(s);
    }
    control_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_at_a_server),
        cmocka_unit_test(names_the_oldest_transaction),
        cmocka_unit_test(counts_what_the_guard_turned_away),
        cmocka_unit_test(sees_less_with_fewer_rights),
        cmocka_unit_test(says_why_a_server_cannot_be_looked_at),
        cmocka_unit_test(counts_the_tenants_of_each_store),
        cmocka_unit_test(keeps_everything_of_a_migration),
        cmocka_unit_test(keeps_the_samples_around_an_attempt),
        cmocka_unit_test(knows_what_an_older_engine_wrote),
        cmocka_unit_test(shows_the_budgets_of_a_migration),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

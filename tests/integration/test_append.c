/* The leg that brings back what is first written to a tenant's new home (after the move, design §7 with the
 * stores changed): in order, with positions of the store that others still write to. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "move/tail/tail_append.h"
#include "support/feed_reader.h"
#include "support/move.h"

static const struct tmv_uuid neighbour = {.bytes = {8}};
static struct move m;
static struct endpoints back; /* from the new home to the old one */
static struct tailer tail;

/* The tenant lives on m.target, at epoch 2; what it had written before stands in both stores. */
static void move_the_tenant(bool partitioned)
{
    struct tmv_error err;

    move_prepare(&m, partitioned);
    feed_reader_prepare(m.source);
    move_guard_source(&m);
    move_open_target(&m);
    support_sql(m.target, "SELECT tenantmv.guard_beyond('public.events_global_position_seq', 100)");
    support_sql(m.target,
                "UPDATE tenantmv.fence SET state = 'open', placement_epoch = 2 WHERE tenant_id = '%s'",
                m.endpoints.tenant);
    support_sql(m.source,
                "SELECT tenantmv.decide('public.events', '%s', '%s', 1, 1, 2, 'target', 2, "
                "'public.events_global_position_seq', 100)",
                m.endpoints.tenant, m.endpoints.migration);
    endpoints_reverse(&m.endpoints, 2, &back);
    tailer_init(&tail, &back, &m.target_guard);
    assert_done(tailer_connect(&tail, &err), &err);
}

static int moved(void **state)
{
    (void)state;
    move_the_tenant(false);
    return 0;
}

static int moved_partitioned(void **state)
{
    (void)state;
    move_the_tenant(true);
    return 0;
}

static int closed(void **state)
{
    (void)state;
    tailer_release(&tail);
    move_release(&m);
    return 0;
}

static void turn(int times)
{
    struct tmv_error err;
    bool behind;

    for (int i = 0; i < times; i++)
        assert_done(tailer_turn(&tail, &behind, &err), &err);
}

static void turn_fails(enum tmv_code code, struct tmv_error *ret_err)
{
    bool behind;

    for (int i = 0; i < 5; i++)
        if (!tailer_turn(&tail, &behind, ret_err)) {
            support_assert_code(true, ret_err, code, "tailer_turn", __FILE__, __LINE__);
            return;
        }
    fail_msg("five turns did not fail");
}

static void insert(struct pgx_conn *conn, const struct tmv_uuid *tenant, int stream, int version)
{
    struct tmv_error err;

    assert_done(move_insert(conn, tenant, stream, version, &err), &err);
}

static void write_home(int stream, int version)
{
    insert(m.target, &m.endpoints.owner.tenant, stream, version);
}

static int64_t carried(void)
{
    return support_int(m.source, "SELECT count(*) FROM public.events WHERE tenant_id = '%s'",
                       m.endpoints.tenant);
}

/* The tenant's events but for their positions, in order. */
static void assert_same_order(void)
{
    static const char order[] =
        "SELECT md5(coalesce(string_agg(format('%%s %%s %%s %%s %%s', event_id, aggregate_id, version, "
        "payload, "
        "created_at), ';' ORDER BY global_position), '')) FROM public.events WHERE tenant_id = '%s'";
    AUTO_FREE char *there = support_text(m.target, order, m.endpoints.tenant);
    AUTO_FREE char *here = support_text(m.source, order, m.endpoints.tenant);
    struct tmv_error err;

    assert_string_equal(there, here);
    assert_done(tail_append_compare(&tail, 1000000, &err), &err);
    /* Readers that wait for a horizon go by both. */
    assert_int_equal(
        support_int(m.source,
                    "SELECT count(*) FROM (SELECT txid, txid < lag(txid) OVER (ORDER BY global_position) "
                    "AS falls FROM public.events WHERE tenant_id = '%s') e WHERE falls OR txid IS NULL",
                    m.endpoints.tenant),
        0);
}

static void brings_back_what_is_written_to_the_new_home(void **state)
{
    (void)state;
    for (int i = 1; i <= 20; i++) {
        insert(m.source, &neighbour, 50 + i, 1);
        write_home(i % 3, i / 3 + 1);
        if (i % 5 == 0)
            turn(2);
    }
    turn(3);
    assert_int_equal(carried(), 20);
    assert_same_order();
    /* The positions are this store's own, between those of its other tenants. */
    assert_int_equal(support_int(m.source, "SELECT max(global_position) FROM public.events"),
                     support_int(m.source, "SELECT last_value FROM public.events_global_position_seq"));
    assert_int_equal(support_int(m.source, "SELECT high FROM tenantmv.applied WHERE leg = 2"),
                     support_int(m.source,
                                 "SELECT max(global_position) FROM public.events WHERE tenant_id = '%s'",
                                 m.endpoints.tenant));
}

static void goes_on_where_it_stopped(void **state)
{
    struct tmv_error err;

    (void)state;
    for (int i = 1; i <= 10; i++) {
        write_home(1, i);
        turn(2);
        assert_done(tailer_connect(&tail, &err), &err);
    }
    turn(2);
    assert_int_equal(carried(), 10);
    assert_same_order();
    assert_true(support_int(m.source, "SELECT count(*) FROM tenantmv.anchor") > 5);
}

static void carries_more_than_a_batch(void **state)
{
    (void)state;
    support_fill(m.target, &m.endpoints.owner.tenant, 40, 40);
    for (int64_t until = clock_now_us() + SUPPORT_TIMEOUT_US; carried() < 1600;) {
        turn(1);
        assert_true(clock_now_us() < until);
    }
    assert_same_order();
}

/* Nothing passes an event that may still come: order is what is promised. */
static void waits_for_a_lower_position_that_is_not_committed(void **state)
{
    struct pgx_conn *slow = support_connect(m.endpoints.target_store.conninfo);

    (void)state;
    support_sql(slow, "BEGIN");
    insert(slow, &m.endpoints.owner.tenant, 1, 1);
    write_home(2, 1);
    for (int64_t until = clock_now_us() + 300 * US_PER_MS; clock_now_us() < until;)
        turn(1);
    assert_int_equal(carried(), 0);
    support_sql(slow, "COMMIT");
    pgx_close(slow);
    turn(4);
    assert_int_equal(carried(), 2);
    assert_same_order();
}

/* ---- positions ---- */

/* Whether a batch may be written, or another transaction may have a lower position and a higher id. */
static bool takes_alone(struct pgx_conn *conn)
{
    return support_int(conn,
                       "SELECT t.alone::int FROM tenantmv.append_take('public.events', "
                       "'public.events_global_position_seq', '%s', '%s', 2, 1, 3) t",
                       m.endpoints.tenant, m.endpoints.migration) == 1;
}

static void knows_whether_others_got_an_id_before_its_positions(void **state)
{
    struct pgx_conn *ours = support_connect(m.endpoints.source_store.conninfo);
    struct pgx_conn *theirs = support_connect(m.endpoints.source_store.conninfo);

    (void)state;
    support_sql(ours, "BEGIN");
    assert_true(takes_alone(ours));
    support_sql(ours, "ROLLBACK; BEGIN; SELECT pg_current_xact_id()");
    support_sql(theirs, "BEGIN; SELECT pg_current_xact_id()");
    assert_false(takes_alone(ours)); /* it is under way */
    support_sql(theirs, "COMMIT");
    assert_false(takes_alone(ours)); /* it is over */
    support_sql(ours, "ROLLBACK");
    pgx_close(ours);
    pgx_close(theirs);
}

struct neighbours {
    atomic_bool stop;
    atomic_int written;
    int number;
};

/* Their transaction ids come first. A neighbour that has its position and not yet its id cannot be seen by
 * anybody; its exposure is as to one more appender. */
static void *write_beside(void *user)
{
    struct neighbours *n = user;
    struct pgx_conn *conn = support_connect(m.endpoints.source_store.conninfo);

    while (!atomic_load(&n->stop)) {
        support_sql(conn, "BEGIN; SELECT pg_current_xact_id()");
        insert(conn, &neighbour, 1000 + atomic_fetch_add(&n->written, 1), 1);
        support_sql(conn, "COMMIT");
        (void)stop_sleep(NULL, 2 * US_PER_MS);
    }
    pgx_close(conn);
    return NULL;
}

/* Carried events that somebody may skip: a row with a lower position has a higher id. */
static int64_t overtaken(void)
{
    return support_int(m.source,
                       "SELECT count(*) FROM (SELECT tenant_id, txid, max(txid::text::bigint) OVER (ORDER BY "
                       "global_position ROWS "
                       "BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM public.events) e "
                       "WHERE tenant_id = '%s' AND txid::text::bigint < before",
                       m.endpoints.tenant);
}

static void overtakes_no_neighbour(void **state)
{
    struct neighbours n = {0};
    pthread_t threads[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_beside, &n), 0);
    for (int i = 1; i <= 200; i++) {
        write_home(i % 7, i / 7 + 1);
        if (i % 2 == 0)
            turn(1);
    }
    turn(5);
    atomic_store(&n.stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(carried(), 200);
    assert_same_order();
    assert_true(overtaken() <= tail.overtakable);
}

static void stops_where_the_sequence_was_set_back(void **state)
{
    struct tmv_error err;

    (void)state;
    for (int i = 1; i <= 5; i++)
        write_home(1, i);
    turn(3);
    support_sql(m.source, "SELECT setval('public.events_global_position_seq', 2)");
    write_home(1, 6);
    turn_fails(TMV_ERR_DIVERGED, &err);
    assert_string_equal(err.sqlstate, "TM160");
    assert_int_equal(carried(), 5);
}

/* ---- who may ---- */

static void refuses_to_write_where_the_tenant_lives(void **state)
{
    struct tmv_error err;

    (void)state;
    write_home(1, 1);
    support_sql(m.source, "UPDATE tenantmv.fence SET state = 'open' WHERE tenant_id = '%s'",
                m.endpoints.tenant);
    turn_fails(TMV_ERR_OWNERSHIP, &err);
    assert_int_equal(carried(), 0);
}

static void refuses_when_another_engine_has_taken_over(void **state)
{
    struct tmv_error err;

    (void)state;
    write_home(1, 1);
    support_sql(m.source, "UPDATE tenantmv.applied SET owner_epoch = 2 WHERE leg = 2");
    turn_fails(TMV_ERR_OWNERSHIP, &err);
    assert_int_equal(carried(), 0);
}

/* ---- what must not pass silently ---- */

static void stops_at_a_column_that_came(void **state)
{
    struct tmv_error err;

    (void)state;
    write_home(1, 1);
    turn(3);
    support_sql(m.target, "ALTER TABLE public.events ADD COLUMN note text");
    write_home(1, 2);
    support_sql(m.target, "UPDATE tenantmv.fence SET state = 'off'");
    support_sql(m.target, "UPDATE public.events SET note = 'x' WHERE version = 2");
    support_sql(m.target, "UPDATE tenantmv.fence SET state = 'open'");
    turn_fails(TMV_ERR_CONFLICT, &err);
    assert_int_equal(carried(), 1);
}

static void names_an_event_that_stands_in_the_way(void **state)
{
    struct tmv_error err;
    AUTO_FREE char *stray = NULL;

    (void)state;
    support_sql(m.source, "UPDATE tenantmv.fence SET state = 'off'");
    insert(m.source, &m.endpoints.owner.tenant, 1, 1);
    support_sql(m.source, "UPDATE tenantmv.fence SET state = 'moved'");
    stray = support_text(m.source, "SELECT event_id FROM public.events WHERE tenant_id = '%s'",
                         m.endpoints.tenant);
    write_home(1, 1);
    turn_fails(TMV_ERR_DIVERGED, &err);
    assert_string_equal(err.sqlstate, "TM142");
    assert_non_null(strstr(err.message, stray));
    assert_int_equal(carried(), 1);
}

static void sees_two_events_that_changed_places(void **state)
{
    struct tmv_error err;

    (void)state;
    for (int i = 1; i <= 6; i++)
        write_home(1, i);
    turn(3);
    assert_same_order();
    support_sql(m.source, "UPDATE tenantmv.fence SET state = 'off'");
    support_sql(
        m.source,
        "WITH two AS (SELECT min(global_position) AS a, max(global_position) AS b FROM public.events WHERE "
        "version IN (3, 4)) UPDATE public.events e SET global_position = -global_position FROM two WHERE "
        "global_position IN (a, b)");
    support_sql(
        m.source,
        "WITH two AS (SELECT -max(global_position) AS a, -min(global_position) AS b FROM public.events WHERE "
        "global_position < 0) UPDATE public.events SET global_position = CASE -global_position WHEN a THEN b "
        "ELSE a END FROM two WHERE global_position < 0");
    assert_fails(tail_append_compare(&tail, 1000000, &err), &err, TMV_ERR_DIVERGED);
}

/* The version before knew one row for each migration. What it left is the first leg's; its functions go. */
static void takes_a_store_of_the_version_before(void **state)
{
    struct tmv_error err;

    (void)state;
    support_sql(m.source,
                "DELETE FROM tenantmv.applied; DROP TABLE tenantmv.anchor; ALTER TABLE tenantmv.applied DROP "
                "CONSTRAINT "
                "applied_pkey, DROP COLUMN leg, DROP COLUMN mode, DROP COLUMN base_from, DROP COLUMN high, "
                "ADD PRIMARY "
                "KEY (migration_id); DROP FUNCTION tenantmv.append_take, tenantmv.advance, tenantmv.decide, "
                "tenantmv.guard_number");
    support_sql(m.source, "CREATE FUNCTION tenantmv.advance(uuid, bigint, bigint) RETURNS void LANGUAGE sql "
                          "AS ''; CREATE FUNCTION "
                          "tenantmv.guard_number(regclass, regclass, regclass, bigint) RETURNS bigint[] "
                          "LANGUAGE sql AS 'SELECT "
                          "NULL::bigint[]'; CREATE FUNCTION tenantmv.decide(regclass, uuid, uuid, bigint, "
                          "bigint, bigint, text) "
                          "RETURNS void LANGUAGE sql AS ''");
    support_sql(
        m.source,
        "INSERT INTO tenantmv.applied (migration_id, tenant_id, owner_epoch, state, watermark, events_table) "
        "VALUES "
        "('%s', '%s', 1, 'mirroring', 7, 'public.events'); UPDATE tenantmv.store_version SET version = 6",
        m.endpoints.migration, m.endpoints.tenant);
    assert_done(guard_upgrade_store(m.source, &m.endpoints.source, &err), &err);
    assert_int_equal(
        support_int(m.source, "SELECT count(*) FROM tenantmv.applied WHERE leg = 1 AND mode = 'preserve' AND "
                              "watermark = 7"),
        1);
    /* One of each, or a call of theirs would be ambiguous. */
    assert_int_equal(
        support_int(m.source,
                    "SELECT count(*) FROM pg_proc WHERE pronamespace = 'tenantmv'::regnamespace AND "
                    "proname IN ('advance', 'decide', 'guard_number')"),
        3);
    support_sql(m.source, "SELECT tenantmv.advance('%s', 1, 9, 2)", m.endpoints.migration);
    insert(m.source, &neighbour, 900, 1);
}

/* A leg that rests says nothing new of both positions. */
static void writes_no_anchor_without_an_event(void **state)
{
    (void)state;
    write_home(1, 1);
    turn(3);
    int64_t anchors = support_int(m.source, "SELECT count(*) FROM tenantmv.anchor");
    for (int i = 0; i < 3; i++) {
        int64_t stored = support_int(m.source, "SELECT watermark FROM tenantmv.applied WHERE leg = 2");
        int64_t until = clock_now_us() + SUPPORT_TIMEOUT_US;

        insert(m.target, &neighbour, 950, i + 1);
        while (support_int(m.source, "SELECT watermark FROM tenantmv.applied WHERE leg = 2") == stored) {
            turn(1);
            assert_true(clock_now_us() < until);
        }
    }
    assert_int_equal(support_int(m.source, "SELECT count(*) FROM tenantmv.anchor"), anchors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(brings_back_what_is_written_to_the_new_home, moved, closed),
        cmocka_unit_test_setup_teardown(goes_on_where_it_stopped, moved, closed),
        cmocka_unit_test_setup_teardown(carries_more_than_a_batch, moved_partitioned, closed),
        cmocka_unit_test_setup_teardown(waits_for_a_lower_position_that_is_not_committed, moved, closed),
        cmocka_unit_test_setup_teardown(knows_whether_others_got_an_id_before_its_positions, moved, closed),
        cmocka_unit_test_setup_teardown(overtakes_no_neighbour, moved, closed),
        cmocka_unit_test_setup_teardown(takes_a_store_of_the_version_before, moved, closed),
        cmocka_unit_test_setup_teardown(writes_no_anchor_without_an_event, moved, closed),
        cmocka_unit_test_setup_teardown(stops_where_the_sequence_was_set_back, moved, closed),
        cmocka_unit_test_setup_teardown(refuses_to_write_where_the_tenant_lives, moved, closed),
        cmocka_unit_test_setup_teardown(refuses_when_another_engine_has_taken_over, moved, closed),
        cmocka_unit_test_setup_teardown(stops_at_a_column_that_came, moved, closed),
        cmocka_unit_test_setup_teardown(names_an_event_that_stands_in_the_way, moved, closed),
        cmocka_unit_test_setup_teardown(sees_two_events_that_changed_places, moved, closed),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

/* The tail's traps (design §7). What a protection prevents is shown with the protection taken out as well,
 * where the build has fault points (mutants). */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "support/move.h"

static struct move m;
static struct tailer tail;

static void open_tail(bool partitioned)
{
    struct tmv_error err;

    unsetenv("TENANTMV_MUTANT");
    move_prepare(&m, partitioned);
    move_guard_source(&m);
    move_open_target(&m);
    tailer_init(&tail, &m.endpoints, &m.source_guard);
    assert_done(tailer_connect(&tail, &err), &err);
}

static int opened(void **state)
{
    (void)state;
    open_tail(false);
    return 0;
}

static int opened_partitioned(void **state)
{
    (void)state;
    open_tail(true);
    return 0;
}

static int closed(void **state)
{
    (void)state;
    unsetenv("TENANTMV_MUTANT");
    tailer_release(&tail);
    move_release(&m);
    return 0;
}

/* Builds without fault points have no mutants: there the counterpart of a test cannot be run. */
static void mutate(const char *name)
{
#ifdef TMV_FAULT_POINTS
    setenv("TENANTMV_MUTANT", name, 1);
#else
    (void)name;
    skip();
#endif
}

static void turn(int times)
{
    struct tmv_error err;
    bool behind;

    for (int i = 0; i < times; i++)
        assert_done(tailer_turn(&tail, &behind, &err), &err);
}

static int64_t count(struct pgx_conn *conn)
{
    return support_int(conn, "SELECT count(*) FROM public.events WHERE tenant_id = '%s'", m.endpoints.tenant);
}

static void insert(struct pgx_conn *conn, int stream, int version)
{
    struct tmv_error err;

    assert_done(move_insert(conn, &m.endpoints.owner.tenant, stream, version, &err), &err);
}

static void assert_equal_stores(void)
{
    static const char digest[] =
        "SELECT md5(coalesce(string_agg(format('%%s %%s %%s %%s %%s %%s', global_position, event_id, "
        "aggregate_id, version, payload, created_at), ';' ORDER BY global_position), '')) FROM "
        "public.events WHERE tenant_id = '%s'";
    AUTO_FREE char *source = support_text(m.source, digest, m.endpoints.tenant);
    AUTO_FREE char *target = support_text(m.target, digest, m.endpoints.tenant);

    assert_string_equal(source, target);
    /* Readable for everybody: the tail's own transactions are not in the order of positions. */
    assert_int_equal(support_int(m.target, "SELECT count(*) FROM public.events WHERE txid IS NOT NULL"), 0);
}

static void carries_every_event_with_its_position(void **state)
{
    static const struct tmv_uuid other = {.bytes = {8}};
    struct tmv_error err;

    (void)state;
    for (int i = 1; i <= 20; i++) {
        insert(m.source, i % 3, i / 3 + 1);
        assert_done(move_insert(m.source, &other, 50 + i, 1, &err), &err);
    }
    turn(3);
    assert_int_equal(count(m.target), 20);
    assert_int_equal(support_int(m.target, "SELECT count(*) FROM public.events"), 20);
    assert_equal_stores();
    assert_int_equal(support_int(m.target, "SELECT watermark FROM tenantmv.applied"),
                     support_int(m.source, "SELECT last_value FROM public.events_global_position_seq"));
}

/* Two transactions, the lower position commits last. */
static bool lower_position_committed_last_arrives(void)
{
    struct pgx_conn *slow = support_connect(m.endpoints.source_store.conninfo);

    support_sql(slow, "BEGIN");
    insert(slow, 1, 1);
    insert(m.source, 2, 1);
    turn(3);
    support_sql(slow, "COMMIT");
    turn(4);
    pgx_close(slow);
    return count(m.target) == 2;
}

static void does_not_pass_an_uncommitted_lower_position(void **state)
{
    (void)state;
    assert_true(lower_position_committed_last_arrives());
    assert_equal_stores();
}

static void would_lose_it_without_the_holders(void **state)
{
    (void)state;
    mutate("tail.no_holders");
    assert_false(lower_position_committed_last_arrives());
}

/* A transaction that stays open for longer than the tail's patience: the tail goes on, and comes back for it.
 */
static bool event_of_a_long_transaction_arrives(void)
{
    struct pgx_conn *slow = support_connect(m.endpoints.source_store.conninfo);
    int64_t until = clock_now_us() + 10 * US_PER_S;

    support_sql(slow, "BEGIN");
    insert(slow, 1, 1);
    insert(m.source, 2, 1);
    insert(m.source, 2, 2);
    while (count(m.target) < 2 && clock_now_us() < until)
        turn(1);
    assert_int_equal(count(m.target), 2); /* not held back */
    assert_true(support_int(m.target, "SELECT watermark FROM tenantmv.applied") <= m.v0);
    support_sql(slow, "COMMIT");
    turn(4);
    pgx_close(slow);
    return count(m.target) == 3;
}

static void reads_once_more_when_a_long_transaction_ended(void **state)
{
    (void)state;
    assert_true(event_of_a_long_transaction_arrives());
    assert_equal_stores();
}

static void would_lose_it_without_the_last_read(void **state)
{
    (void)state;
    mutate("tail.no_last_read");
    assert_false(event_of_a_long_transaction_arrives());
}

/* The very first value of a sequence that was never used. */
static bool first_position_of_a_new_sequence_arrives(void)
{
    static const struct tmv_uuid nobody_else = {.bytes = {1}};

    (void)nobody_else;
    support_sql(m.source, "ALTER SEQUENCE public.events_global_position_seq RESTART WITH 1");
    support_sql(m.source, "ALTER TABLE public.events ALTER COLUMN global_position DROP DEFAULT");
    support_sql(m.source, "ALTER TABLE public.events ALTER COLUMN global_position SET DEFAULT 0");
    tail.watermark = tail.reached = 0;
    turn(2);
    insert(m.source, 1, 1); /* takes position 1 from the guard alone */
    assert_int_equal(support_int(m.source, "SELECT min(global_position) FROM public.events"), 1);
    turn(3);
    return count(m.target) == 1;
}

static void takes_a_never_used_sequence_for_empty(void **state)
{
    (void)state;
    assert_true(first_position_of_a_new_sequence_arrives());
}

static void would_lose_the_first_event_without_is_called(void **state)
{
    (void)state;
    mutate("tail.v_without_is_called");
    assert_false(first_position_of_a_new_sequence_arrives());
}

/* A transaction is prepared below an event that is there already, and committed when the tail has looked. */
static bool event_of_a_prepared_transaction_arrives(void)
{
    struct pgx_conn *writer = support_connect(m.endpoints.source_store.conninfo);

    support_sql(writer, "BEGIN");
    insert(writer, 1, 1);
    support_sql(writer, "PREPARE TRANSACTION 'tail-%s'", m.endpoints.migration);
    insert(m.source, 2, 1);
    turn(3);
    pgx_close(writer);
    support_sql(m.source, "COMMIT PREPARED 'tail-%s'", m.endpoints.migration);
    turn(4);
    return count(m.target) == 2;
}

static void waits_for_a_prepared_transaction(void **state)
{
    (void)state;
    assert_true(event_of_a_prepared_transaction_arrives());
    assert_equal_stores();
}

static void would_lose_it_if_holders_were_known_by_pid(void **state)
{
    (void)state;
    move_mutate(m.source, "tenantmv.observe(bigint, regclass)", "l.virtualtransaction", "l.pid::text");
    assert_false(event_of_a_prepared_transaction_arrives());
}

static void applies_nothing_twice(void **state)
{
    struct tmv_error err;

    (void)state;
    for (int i = 1; i <= 10; i++)
        insert(m.source, 1, i);
    turn(3);
    /* The watermark is lost, as if the answer to the commit had been: everything comes again. */
    tail.watermark = tail.reached = m.v0;
    turn(3);
    assert_int_equal(count(m.target), 10);
    assert_equal_stores();
    tailer_release(&tail);
    tailer_init(&tail, &m.endpoints, &m.source_guard);
    assert_done(tailer_connect(&tail, &err), &err);
    insert(m.source, 1, 11);
    turn(3);
    assert_int_equal(count(m.target), 11);
}

static void stops_at_another_event_in_the_same_place(void **state)
{
    struct tmv_error err = {0};
    bool behind;

    (void)state;
    insert(m.source, 1, 1);
    /* The same stream and version, another event: behind the fence's back, as the engine's role. */
    support_sql(m.target, "SET tenantmv.pass = '%s/1'", m.endpoints.migration);
    support_sql(
        m.target,
        "INSERT INTO public.events (global_position, event_id, aggregate_id, aggregate_type, event_type, "
        "tenant_id, version, timestamp, payload) VALUES (1000000, gen_random_uuid(), "
        "'00010100-0000-0000-0000-000000000000', 'Order', 'Other', '%s', 1, now(), '{}')",
        m.endpoints.tenant);
    support_sql(m.target, "UPDATE public.events SET aggregate_id = '%s'",
                "00010100-0000-0000-0000-000000000000");
    AUTO_FREE char *stream = support_text(m.source, "SELECT aggregate_id FROM public.events");
    support_sql(m.target, "UPDATE public.events SET aggregate_id = '%s'", stream);
    bool ok = true;
    for (int i = 0; i < 4 && ok; i++)
        ok = tailer_turn(&tail, &behind, &err);
    assert_false(ok);
    assert_int_equal(err.code, TMV_ERR_DIVERGED);
    assert_true(support_int(m.target, "SELECT watermark FROM tenantmv.applied") <= m.v0);
}

static void applies_nothing_after_the_owner_changed(void **state)
{
    struct tmv_error err = {0};
    bool behind;
    bool ok = true;

    (void)state;
    insert(m.source, 1, 1);
    support_sql(m.target, "UPDATE tenantmv.applied SET owner_epoch = 2");
    for (int i = 0; i < 4 && ok; i++)
        ok = tailer_turn(&tail, &behind, &err);
    assert_false(ok);
    assert_int_equal(err.code, TMV_ERR_OWNERSHIP);
    assert_int_equal(count(m.target), 0);
}

/* A writer that does not wait for its WAL, and a crash of the source right after the tail had its events.
 * Returns whether the source still has everything that the target has. */
static bool source_still_has_all_after_a_crash(void)
{
    struct cluster *cluster = support_cluster("source", NULL);
    struct tmv_error err;

    support_sql(m.source, "ALTER SYSTEM SET wal_writer_delay = '10s'; ");
    support_sql(m.source, "SELECT pg_reload_conf()");
    support_sql(m.source, "SET synchronous_commit = off");
    insert(m.source, 1, 1);
    turn(1);
    for (int i = 2; i <= 60; i++)
        insert(m.source, 1, i);
    for (int i = 0; i < 5 && count(m.target) < 60; i++)
        turn(1);
    int64_t on_target = count(m.target);
    assert_true(on_target > 0);
    assert_done(cluster_stop(cluster, CLUSTER_KILL, &err), &err);
    assert_done(cluster_resume(cluster, &err), &err);
    pgx_close(TAKE(m.source));
    m.source = support_connect(m.endpoints.source_store.conninfo);
    return count(m.source) >= on_target;
}

static void has_on_disk_what_the_target_was_given(void **state)
{
    struct tmv_error err;

    (void)state;
    assert_true(source_still_has_all_after_a_crash());
    assert_true(support_int(m.source, "SELECT last_value FROM public.events_global_position_seq") >=
                support_int(m.target, "SELECT max(global_position) FROM public.events"));
    assert_done(tailer_connect(&tail, &err), &err);
    insert(m.source, 3, 1);
    turn(3);
    assert_equal_stores();
}

static void would_give_positions_out_again_if_not_durable_first(void **state)
{
    struct tmv_error err;

    (void)state;
    mutate("tail.not_durable_first");
    assert_false(source_still_has_all_after_a_crash());
    /* And it is noticed: nothing goes on from there. */
    assert_done(tailer_connect(&tail, &err), &err);
    assert_fails(tailer_check_not_ahead(&tail, &err), &err, TMV_ERR_DIVERGED);
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, closed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(carries_every_event_with_its_position, opened),
        CASE(carries_every_event_with_its_position, opened_partitioned),
        CASE(does_not_pass_an_uncommitted_lower_position, opened),
        CASE(would_lose_it_without_the_holders, opened),
        CASE(reads_once_more_when_a_long_transaction_ended, opened),
        CASE(would_lose_it_without_the_last_read, opened),
        CASE(takes_a_never_used_sequence_for_empty, opened),
        CASE(would_lose_the_first_event_without_is_called, opened),
        CASE(waits_for_a_prepared_transaction, opened),
        CASE(would_lose_it_if_holders_were_known_by_pid, opened),
        CASE(applies_nothing_twice, opened),
        CASE(stops_at_another_event_in_the_same_place, opened),
        CASE(applies_nothing_after_the_owner_changed, opened),
        CASE(has_on_disk_what_the_target_was_given, opened),
        CASE(would_give_positions_out_again_if_not_durable_first, opened),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

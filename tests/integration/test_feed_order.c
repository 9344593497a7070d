/* A tenant that moves, and feed readers that hide rows by transaction id and go on by position (design §6,
 * step 4): positions and transaction ids rise together, whatever holds the writers. Each case is shown with
 * the protection taken out too, where the reader skips. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "support/feed_reader.h"
#include "support/move.h"

static struct move m;
static struct feed_reader reader;

static int prepared(void **state)
{
    (void)state;
    move_prepare(&m, false);
    feed_reader_prepare(m.source);
    feed_reader_init(&reader, &m.endpoints.owner.tenant, 0);
    return 0;
}

static void guard_it(void)
{
    move_guard_source(&m);
    /* No test here is in a hurry: whoever holds the tenant is not ended for it. */
    support_sql(m.source, "UPDATE tenantmv.fence SET wait_ms = 60000 WHERE tenant_id = '%s'",
                m.endpoints.tenant);
}

static int guarded(void **state)
{
    prepared(state);
    guard_it();
    return 0;
}

static int guarded_partitioned(void **state)
{
    (void)state;
    move_prepare(&m, true);
    feed_reader_prepare(m.source);
    feed_reader_init(&reader, &m.endpoints.owner.tenant, 0);
    guard_it();
    return 0;
}

static int release(void **state)
{
    (void)state;
    feed_reader_release(&reader);
    move_release(&m);
    return 0;
}

/* Rows keep the id that their writer's transaction has by default. */
static void unprotect(void)
{
    move_mutate(m.source, "tenantmv.guard_insert()", "NEW.\"txid\" :=", "v_ignored :=");
}

/* ---- writers ---- */

struct writer {
    struct pgx_conn *conn;
    int64_t xid, position;
};

static struct writer writer_begin(const char *level)
{
    struct writer w = {.conn = support_connect(m.endpoints.source_store.conninfo)};

    support_sql(w.conn, "BEGIN ISOLATION LEVEL %s", level);
    w.xid = support_int(w.conn, "SELECT pg_current_xact_id()::text::bigint");
    return w;
}

static void writer_send(struct writer *w)
{
    struct tmv_error err;

    assert_done(pgx_send(w->conn,
                         "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, "
                         "tenant_id, version, timestamp, payload) VALUES (gen_random_uuid(), "
                         "gen_random_uuid(), 'Order', 'OrderPlaced', $1::uuid, 1, now(), '{}') "
                         "RETURNING global_position",
                         PGX_ARGS(PGX_UUID(&m.endpoints.owner.tenant)), &err),
                &err);
}

static void writer_receive(struct writer *w)
{
    AUTO_RESULT struct pgx_result *row = NULL;
    struct tmv_error err;

    assert_done(pgx_receive(w->conn, SUPPORT_TIMEOUT_US, &row, &err), &err);
    w->position = pgx_int(row, 0, 0);
}

static void writer_insert(struct writer *w)
{
    writer_send(w);
    writer_receive(w);
}

static void writer_commit(struct writer *w)
{
    support_sql(w->conn, "COMMIT");
    pgx_close(TAKE(w->conn));
}

static void await_held(const struct writer *w)
{
    support_wait_until(m.source, "SELECT count(*) > 0 FROM pg_locks WHERE pid = %d AND NOT granted",
                       pgx_backend_pid(w->conn));
}

static void signal_writer(const struct writer *w, int number)
{
    assert_int_equal(kill(pgx_backend_pid(w->conn), number), 0);
}

/* ---- held writers ---- */

/* W0 and W1 have their transaction ids, in this order, when a pause begins, and are held by it. W0 is
 * stopped, so that W1 gets the lower position; W0 commits first. Whether a reader that comes then has seen
 * both in the end. */
static bool reader_sees_both_held_writers(const char *level)
{
    struct writer holder = {.conn = support_connect(m.endpoints.source_store.conninfo)};
    struct writer w0 = writer_begin(level);
    struct writer w1 = writer_begin(level);

    support_sql(holder.conn, "BEGIN; SELECT pg_advisory_xact_lock(%lld)", (long long)m.source_guard.lock_key);
    writer_send(&w0);
    await_held(&w0);
    writer_send(&w1);
    await_held(&w1);
    signal_writer(&w0, SIGSTOP);
    writer_commit(&holder);
    writer_receive(&w1);
    signal_writer(&w0, SIGCONT);
    writer_receive(&w0);
    assert_true(w0.xid < w1.xid && w1.position < w0.position);
    writer_commit(&w0);
    feed_reader_read(&reader, m.source);
    writer_commit(&w1);
    feed_reader_read(&reader, m.source);
    return feed_reader_saw(&reader, w0.position) && feed_reader_saw(&reader, w1.position);
}

static const char *const levels[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};

static void a_reader_skips_no_writer_that_was_held(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        if (!reader_sees_both_held_writers(levels[i]))
            fail_msg("%s", levels[i]);
    assert_int_equal(feed_reader_missed(&reader, m.source, 0), 0);
}

static void would_skip_it_if_rows_kept_their_own_transaction_ids(void **state)
{
    (void)state;
    unprotect();
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        assert_false(reader_sees_both_held_writers(levels[i]));
    assert_int_equal(feed_reader_missed(&reader, m.source, 0), 3);
}

/* The highest id that is over by then does not tell of a writer that still runs. */
static void would_skip_it_if_only_finished_transactions_counted(void **state)
{
    (void)state;
    move_mutate(m.source, "tenantmv.guard_insert()", "NEW.\"txid\" := v_txid",
                "NEW.\"txid\" := pg_snapshot_xmax(pg_current_snapshot())::text::bigint");
    assert_false(reader_sees_both_held_writers("READ COMMITTED"));
}

/* ---- the beginning ---- */

/* An event was written before the guard existed, by a transaction with a higher id than one that writes after
 * it, and another transaction keeps the horizon between the two. */
static void what_was_written_before_the_installation_is_not_overtaken(void **state)
{
    struct tmv_error err;

    (void)state;
    assert_done(guard_prepare_store(m.source, &m.endpoints.source, &err), &err);
    struct writer late = writer_begin("READ COMMITTED");
    struct writer neighbour = writer_begin("READ COMMITTED");
    struct writer before = writer_begin("READ COMMITTED");
    writer_insert(&before);
    writer_commit(&before);
    guard_it();
    writer_insert(&late);
    assert_true(late.xid < before.xid && late.position > before.position);
    writer_commit(&late);
    assert_int_equal(feed_reader_read(&reader, m.source), 0);
    writer_commit(&neighbour);
    assert_int_equal(feed_reader_read(&reader, m.source), 2);
    assert_int_equal(feed_reader_missed(&reader, m.source, 0), 0);
}

static void an_idle_store_shows_its_last_event(void **state)
{
    struct writer w = writer_begin("READ COMMITTED");

    (void)state;
    writer_insert(&w);
    writer_insert(&w);
    writer_commit(&w);
    assert_int_equal(feed_reader_read(&reader, m.source), 2);
}

/* A row carries at least its writer's own id and no id that does not exist yet. */
static void many_rows_of_one_statement_carry_one_id(void **state)
{
    (void)state;
    support_sql(
        m.source,
        "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "
        "timestamp, payload) SELECT gen_random_uuid(), gen_random_uuid(), 'Order', 'OrderPlaced', '%s', 1, "
        "now(), '{}' FROM generate_series(1, 1000)",
        m.endpoints.tenant);
    assert_int_equal(support_int(m.source, "SELECT count(DISTINCT txid) FROM public.events"), 1);
    assert_int_equal(
        support_int(m.source, "SELECT count(*) FROM public.events WHERE txid::text = xmin::text"), 1000);
    assert_int_equal(support_int(m.source, "SELECT count(DISTINCT global_position) FROM public.events"),
                     1000);
}

/* ---- the fast way ---- */

#define IN_BETWEEN                                                                                           \
    4242 /* key of a lock that a writer waits for between its two looks at the floor: only here */

/* A writer whose id need not raise the floor has looked at it; before it takes its position another one
 * raises the floor and takes a lower position. */
static bool reader_sees_both_around_a_risen_floor(void)
{
    struct pgx_conn *holder = support_connect(m.endpoints.source_store.conninfo);
    struct writer w = writer_begin("READ COMMITTED");
    struct writer first = writer_begin("READ COMMITTED");
    struct writer later;

    writer_insert(&first);
    writer_commit(&first);
    later = writer_begin("READ COMMITTED");
    support_sql(holder, "SELECT pg_advisory_lock(%d)", IN_BETWEEN);
    writer_send(&w);
    await_held(&w);
    writer_insert(&later);
    support_sql(holder, "SELECT pg_advisory_unlock(%d)", IN_BETWEEN);
    writer_receive(&w);
    assert_true(w.xid < later.xid && later.position < w.position);
    writer_commit(&w);
    feed_reader_read(&reader, m.source);
    writer_commit(&later);
    feed_reader_read(&reader, m.source);
    pgx_close(holder);
    return feed_reader_saw(&reader, w.position) && feed_reader_saw(&reader, later.position);
}

static void a_floor_that_rises_in_between_is_noticed(void **state)
{
    (void)state;
    move_mutate(m.source, "tenantmv.guard_insert()", "v_position := nextval(v_sequence);",
                "PERFORM pg_advisory_xact_lock_shared(4242); v_position := nextval(v_sequence);");
    assert_true(reader_sees_both_around_a_risen_floor());
}

/* ---- stores with a past ---- */

/* Transactions that brought copied events may be younger than a writer's own. */
static void what_the_drain_wrote_is_not_overtaken(void **state)
{
    (void)state;
    support_sql(m.source, "UPDATE tenantmv.fence SET state = 'closed'");
    struct writer late = writer_begin("READ COMMITTED");
    support_sql(m.source, "BEGIN");
    int64_t drain = support_int(m.source, "SELECT pg_current_xact_id()::text::bigint");
    support_sql(
        m.source,
        "SELECT tenantmv.arm('public.events', 'public.events_global_position_seq', '%s', '%s', 1, 2, 100)",
        m.endpoints.tenant, m.endpoints.migration);
    support_sql(m.source, "COMMIT; UPDATE tenantmv.fence SET state = 'open'");
    assert_true(late.xid < drain);
    writer_insert(&late);
    writer_commit(&late);
    assert_true(support_int(m.source, "SELECT txid::text::bigint FROM public.events") >= drain);
}

/* A database that was restored brings a floor along that no transaction of its new cluster reaches. */
static void a_floor_from_another_cluster_begins_again(void **state)
{
    struct writer w = writer_begin("READ COMMITTED");
    struct tmv_error err;

    (void)state;
    assert_done(guard_prepare_store(m.source, &m.endpoints.source, &err), &err);
    support_sql(m.source, "SELECT setval(floor, 1000000000000) FROM tenantmv.guarded");
    guard_it();
    writer_insert(&w);
    writer_commit(&w);
    assert_int_equal(feed_reader_read(&reader, m.source), 1);
}

/* Its trigger names neither table nor floor, and the store keeps none. */
static void a_guard_of_an_older_release_orders_them_too(void **state)
{
    struct tmv_error err;

    (void)state;
    support_sql(
        m.source,
        "UPDATE tenantmv.guarded SET floor = NULL; DROP SEQUENCE tenantmv.transaction_floor; UPDATE "
        "tenantmv.store_version SET version = 3; DROP TRIGGER \"~tenantmv_%1$s_insert\" ON "
        "public.events; CREATE TRIGGER \"~tenantmv_%1$s_insert\" BEFORE INSERT ON public.events FOR EACH "
        "ROW WHEN (NEW.tenant_id = '%2$s') EXECUTE FUNCTION tenantmv.guard_insert('%2$s', '%3$lld')",
        m.source_guard.mark, m.endpoints.tenant, (long long)m.source_guard.lock_key);
    assert_done(guard_prepare_store(m.source, &m.endpoints.source, &err), &err);
    assert_true(reader_sees_both_held_writers("READ COMMITTED"));
}

/* ---- the end ---- */

/* While the guard is there, `first`, whose own id is below a neighbour's, gets the floor of a writer above
 * it. Once it is gone, nothing gives `late` that floor: a reader whose horizon the neighbour keeps would read
 * it, and pass over `first`. */
struct end_of_life {
    struct writer late, first, neighbour, higher;
};

static struct end_of_life begin_ending(void)
{
    struct end_of_life e = {.late = writer_begin("READ COMMITTED"), .first = writer_begin("READ COMMITTED")};

    e.neighbour = writer_begin("READ COMMITTED");
    e.higher = writer_begin("READ COMMITTED");
    writer_insert(&e.higher);
    writer_commit(&e.higher);
    writer_insert(&e.first);
    writer_commit(&e.first);
    return e;
}

static void finish_ending(struct end_of_life *e)
{
    writer_insert(&e->late);
    assert_true(e->late.position > e->first.position);
    writer_commit(&e->late);
    feed_reader_read(&reader, m.source);
    writer_commit(&e->neighbour);
    feed_reader_read(&reader, m.source);
    assert_int_equal(feed_reader_missed(&reader, m.source, 0), 0);
}

static void a_reader_skips_nothing_when_the_guard_is_removed(void **state)
{
    const struct fence_change off = {.from = FENCE_OPEN, .to = FENCE_OFF};
    struct end_of_life e = begin_ending();
    char why[GUARD_WHY_MAX], pid[20];
    struct tmv_error err;
    bool changed = false;

    (void)state;
    assert_done(guard_change_fence(m.source, &m.source_guard, &off, &changed, &err), &err);
    snprintf(pid, sizeof pid, "pid %d", pgx_backend_pid(e.late.conn));
    assert_done(guard_remove(m.source, &m.source_guard, false, why, &err), &err);
    finish_ending(&e);
    if (!strstr(why, pid))
        fail_msg("%s does not name %s", why, pid);
    assert_done(guard_remove(m.source, &m.source_guard, false, why, &err), &err);
    assert_string_equal(why, "");
}

static void a_reader_skips_nothing_when_the_guard_is_folded_away(void **state)
{
    struct end_of_life e = begin_ending();
    struct tmv_error err;
    bool done = false;

    (void)state;
    assert_done(guard_retire(m.source, &m.source_guard, FENCE_OPEN, &done, &err), &err);
    finish_ending(&e);
    assert_false(done);
    assert_done(guard_retire(m.source, &m.source_guard, FENCE_OPEN, &done, &err), &err);
    assert_true(done);
}

/* One that was prepared holds its id without a session. */
static void a_prepared_transaction_keeps_the_guard(void **state)
{
    const struct fence_change off = {.from = FENCE_OPEN, .to = FENCE_OFF};
    struct writer old = writer_begin("READ COMMITTED");
    struct writer w = writer_begin("READ COMMITTED");
    char why[GUARD_WHY_MAX];
    struct tmv_error err;
    bool changed = false;

    (void)state;
    support_sql(old.conn, "PREPARE TRANSACTION 'the_old_one'");
    writer_insert(&w);
    writer_commit(&w);
    assert_done(guard_change_fence(m.source, &m.source_guard, &off, &changed, &err), &err);
    assert_done(guard_remove(m.source, &m.source_guard, false, why, &err), &err);
    support_sql(old.conn, "ROLLBACK PREPARED 'the_old_one'");
    pgx_close(old.conn);
    if (!strstr(why, "the_old_one"))
        fail_msg("%s does not name it", why);
}

/* pg_stat_activity shows pid, application and transaction id to every role, whatever else it hides. */
static void names_who_keeps_the_guard_without_the_right_to_read_statistics(void **state)
{
    struct writer old = writer_begin("READ COMMITTED");
    struct writer w = writer_begin("READ COMMITTED");
    struct tmv_error err;
    char pid[20];

    (void)state;
    writer_insert(&w);
    writer_commit(&w);
    support_sql(m.source, "CREATE ROLE blind; GRANT USAGE ON SCHEMA tenantmv TO blind; "
                          "GRANT SELECT ON tenantmv.guarded, tenantmv.transaction_floor TO blind; "
                          "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tenantmv TO blind; SET ROLE blind");
    assert_false(pgx_script(m.source, SUPPORT_TIMEOUT_US,
                            "SELECT tenantmv.guard_floor_passed('public.events')", 0, NULL, &err));
    support_sql(m.source, "RESET ROLE; DROP OWNED BY blind; DROP ROLE blind");
    snprintf(pid, sizeof pid, "pid %d", pgx_backend_pid(old.conn));
    pgx_close(old.conn);
    assert_string_equal(err.sqlstate, "55P03");
    if (!strstr(err.message, pid))
        fail_msg("%s does not name %s", err.message, pid);
}

/* ---- tables without one ---- */

static void a_store_without_transaction_ids_is_guarded_all_the_same(void **state)
{
    struct tmv_error err;

    (void)state;
    support_sql(m.source, "ALTER TABLE public.events DROP COLUMN txid");
    assert_done(store_shape_discover(m.source, "public", "events", &m.endpoints.source, &err), &err);
    guard_it();
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    assert_int_equal(support_int(m.source, "SELECT count(*) FROM public.events"), 1);
}

static void a_users_own_column_of_that_name_keeps_its_values(void **state)
{
    static const char *const types[] = {"bigint DEFAULT 7", "xid8 DEFAULT '7'"};
    struct tmv_error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        move_release(&m);
        move_prepare(&m, false);
        support_sql(m.source,
                    "ALTER TABLE public.events DROP COLUMN txid; ALTER TABLE public.events ADD txid %s",
                    types[i]);
        assert_done(store_shape_discover(m.source, "public", "events", &m.endpoints.source, &err), &err);
        guard_it();
        assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
        assert_int_equal(support_int(m.source, "SELECT txid::text::bigint FROM public.events"), 7);
    }
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_reader_skips_no_writer_that_was_held, guarded),
        CASE(a_reader_skips_no_writer_that_was_held, guarded_partitioned),
        CASE(would_skip_it_if_rows_kept_their_own_transaction_ids, guarded),
        CASE(would_skip_it_if_only_finished_transactions_counted, guarded),
        CASE(what_was_written_before_the_installation_is_not_overtaken, prepared),
        CASE(an_idle_store_shows_its_last_event, guarded),
        CASE(many_rows_of_one_statement_carry_one_id, guarded),
        CASE(a_floor_that_rises_in_between_is_noticed, guarded),
        CASE(what_the_drain_wrote_is_not_overtaken, guarded),
        CASE(a_floor_from_another_cluster_begins_again, prepared),
        CASE(a_guard_of_an_older_release_orders_them_too, guarded),
        CASE(a_reader_skips_nothing_when_the_guard_is_removed, guarded),
        CASE(a_reader_skips_nothing_when_the_guard_is_folded_away, guarded),
        CASE(a_prepared_transaction_keeps_the_guard, guarded),
        CASE(names_who_keeps_the_guard_without_the_right_to_read_statistics, guarded),
        CASE(a_store_without_transaction_ids_is_guarded_all_the_same, prepared),
        CASE(a_users_own_column_of_that_name_keeps_its_values, prepared),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

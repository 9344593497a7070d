/* Feed readers of a tenant that moves (interop.md "Feed read"): what the gates say about transactions that
 * would make them wait or skip, and a reader that follows the tenant through many pauses and some cutovers.
 */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "support/feed_reader.h"
#include "support/life.h"

/* Ready to be cut over to a target whose rows may, or may not, be without a transaction id. */
static int ready(void **state)
{
    (void)state;
    life_prepare(false, false);
    life_begin_and_wait_until_ready();
    return 0;
}

static int ready_where_every_row_has_a_transaction(void **state)
{
    (void)state;
    life_prepare(false, false);
    support_sql(l.on_target, "ALTER TABLE public.events ALTER COLUMN txid SET NOT NULL");
    life_begin_and_wait_until_ready();
    return 0;
}

static int release(void **state)
{
    return life_done(state);
}

/* A session of another database on the target's server that has a transaction id. */
static struct pgx_conn *in_another_database(void)
{
    char conninfo[CLUSTER_CONNINFO_MAX];

    support_database(support_cluster("target", NULL), conninfo);
    struct pgx_conn *conn = support_connect(conninfo);
    support_sql(conn, "BEGIN; SELECT pg_current_xact_id()");
    return conn;
}

static void warns_of_a_transaction_that_feeds_of_the_target_will_wait_for(void **state)
{
    struct pgx_conn *neighbour = in_another_database();
    AUTO_FREE char *name = support_text(neighbour, "SELECT current_database()");

    (void)state;
    life_wait_for(
        "s.gates @? '$[*] ? (@.name == \"target-transactions\" && @.seen like_regex \"^warning\")'");
    AUTO_FREE char *seen =
        support_text(l.on_control, "SELECT jsonb_path_query_first(gates::jsonb, '$[*] ? (@.name == "
                                   "\"target-transactions\")')::text FROM tenantmv.migration_state");
    char pid[80];
    snprintf(pid, sizeof pid, "pid %d in database %s", pgx_backend_pid(neighbour), name);
    if (!strstr(seen, pid) || !strstr(seen, "\"green\": true"))
        fail_msg("%s", seen);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    pgx_close(neighbour);
}

static void refuses_the_cutover_where_copied_rows_would_be_read_out_of_order(void **state)
{
    struct pgx_conn *neighbour = in_another_database();

    (void)state;
    support_sql(neighbour, "PREPARE TRANSACTION 'forgotten'");
    life_wait_for("s.gates @? '$[*] ? (@.name == \"target-transactions\" && @.green == false && @.seen "
                  "like_regex \"prepared transaction .forgotten. in database\")'");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_REFUSED, "target-transactions");
    support_sql(neighbour, "ROLLBACK PREPARED 'forgotten'");
    life_wait_for("s.ready");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
    pgx_close(neighbour);
}

/* ---- a reader on the way ---- */

#define WRITERS 4
#define ROUNDS 3
#define REHEARSALS 16 /* of each round, before its cutover */

/* Takes its transaction's id some time before it inserts, as a service that does other work in its
 * transaction: so positions would be out of the order of ids without any pause, too. */
struct early_writer {
    pthread_t thread;
    unsigned seed;
    struct pgx_conn *conn[2]; /* owned: of the source and the target */
    int events;               /* acknowledged */
    struct tmv_error failed;  /* whatever is neither a pause nor the move */
};
static atomic_bool writers_stop;

static bool write_once(struct early_writer *w, struct pgx_conn *conn, int events, struct tmv_error *err)
{
    static const char *const begin[] = {"BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ"};
    static const char insert[] =
        "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "
        "timestamp, payload) SELECT gen_random_uuid(), gen_random_uuid(), 'Order', 'OrderPlaced', $1::uuid, "
        "1, now(), '{}' FROM generate_series(1, $2::int)";

    if (!pgx_script(conn, SUPPORT_TIMEOUT_US, begin[rand_r(&w->seed) % 8 == 0], 0, NULL, err) ||
        !pgx_query(conn, SUPPORT_TIMEOUT_US, "SELECT pg_current_xact_id()", PGX_NONE, NULL, err))
        return false;
    stop_sleep(NULL, rand_r(&w->seed) % (4 * US_PER_MS));
    return pgx_query(conn, SUPPORT_TIMEOUT_US, insert, PGX_ARGS(PGX_UUID(&l.tenant), PGX_INT(events)), NULL,
                     err) &&
           pgx_script(conn, SUPPORT_TIMEOUT_US, "COMMIT", 0, NULL, err);
}

static void *write_early(void *arg)
{
    struct early_writer *w = arg;
    int home = 0;

    while (!atomic_load(&writers_stop) && w->failed.code == TMV_OK) {
        int events = 1 + rand_r(&w->seed) % 3;
        struct tmv_error err;

        if (write_once(w, w->conn[home], events, &err)) {
            w->events += events;
            continue;
        }
        pgx_rollback(w->conn[home], SUPPORT_TIMEOUT_US);
        if (err.code == TMV_ERR_MOVED)
            home = 1;
        else if (err.code != TMV_ERR_CLOSED && !err_is_sqlstate(&err, "40001"))
            w->failed = err;
    }
    return NULL;
}

static void start_writers(struct early_writer writers[WRITERS])
{
    atomic_store(&writers_stop, false);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct early_writer){
            .seed = i + 1, .conn = {support_connect(l.source.conninfo), support_connect(l.target.conninfo)}};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_early, &writers[i]), 0);
    }
}

/* Returns how many events were acknowledged. */
static int end_writers(struct early_writer writers[WRITERS])
{
    int events = 0;

    atomic_store(&writers_stop, true);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        pgx_close(writers[i].conn[0]);
        pgx_close(writers[i].conn[1]);
        events += writers[i].events;
    }
    for (int i = 0; i < WRITERS; i++)
        if (writers[i].failed.code != TMV_OK)
            fail_msg("a write failed: %s", writers[i].failed.message);
    return events;
}

/* Reads where the tenant lives. */
static void read_on(struct feed_reader *reader)
{
    bool moved = support_int(
        l.on_control, "SELECT (store_id = '%s')::int FROM public.tenant_routing WHERE tenant_id = '%s'",
        l.target.id, l.tenant_text);

    feed_reader_read(reader, moved ? l.on_target : l.on_source);
}

/* Asks for an operation, and reads until it is answered. Returns whether it was carried out. */
static bool read_through(struct feed_reader *reader, enum tmv_operation operation)
{
    const struct tmv_request request = {.operation = operation, .migration = l.migration};
    struct tmv_command_info info = {.state = TMV_COMMAND_REQUESTED};
    int64_t until = clock_now_us() + 90 * US_PER_S;
    struct tmv_uuid id;
    struct tmv_error err;

    assert_done(tmv_request(l.handle, &request, &amy, &id, &err), &err);
    while (info.state == TMV_COMMAND_REQUESTED || info.state == TMV_COMMAND_RUNNING) {
        assert_true(clock_now_us() < until);
        read_on(reader);
        assert_done(tmv_command_get(l.handle, &id, &info, &err), &err);
    }
    return info.state == TMV_COMMAND_DONE;
}

static void read_through_until_done(struct feed_reader *reader, enum tmv_operation operation)
{
    int64_t until = clock_now_us() + 90 * US_PER_S;

    while (!read_through(reader, operation))
        if (clock_now_us() > until)
            fail_msg("operation %d was refused for 90 s", (int)operation);
}

/* A tenant of its own: what is written before its guard is installed and after it is dropped is in the order
 * that the writers give it. */
static void follow_one_move(void)
{
    struct early_writer writers[WRITERS];
    struct feed_reader reader;

    life_prepare(false, false);
    feed_reader_prepare(l.on_source);
    feed_reader_prepare(l.on_target);
    life_begin_and_wait_until_ready();
    int64_t start = support_int(l.on_source, "SELECT max(global_position) FROM public.events");
    feed_reader_init(&reader, &l.tenant, start);
    start_writers(writers);
    for (int i = 0; i < REHEARSALS; i++)
        read_through_until_done(&reader, TMV_OP_REHEARSE);
    read_through_until_done(&reader, TMV_OP_CUTOVER);
    for (int i = 0; i < 20; i++)
        read_on(&reader);
    int events = end_writers(writers);
    while (feed_reader_read(&reader, l.on_target) > 0)
        continue;
    assert_int_equal(life_count(l.on_target), HISTORY + events);
    assert_int_equal(feed_reader_missed(&reader, l.on_target, start), 0);
    assert_true(events > REHEARSALS);
    feed_reader_release(&reader);
    life_release();
}

static void a_reader_misses_nothing_through_fifty_rehearsals_and_cutovers(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++)
        follow_one_move();
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(warns_of_a_transaction_that_feeds_of_the_target_will_wait_for, ready),
        CASE(refuses_the_cutover_where_copied_rows_would_be_read_out_of_order,
             ready_where_every_row_has_a_transaction),
        cmocka_unit_test(a_reader_misses_nothing_through_fifty_rehearsals_and_cutovers),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

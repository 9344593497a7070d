/* Bad days of a hold-down: the old store is stopped or read only, the engine is killed, frozen or loses an
 * answer, while events are carried back. Nothing is carried twice, nothing is left out, the order is that of
 * the new home; its writers write while the old store is away, and no write of a neighbour fails. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "support/held.h"
#include "support/steady_writer.h"
#include "support/worker.h"

static int elsewhere(void **state)
{
    return held_prepared(life_with_control_elsewhere(state));
}

#ifdef TMV_FAULT_POINTS
static int plain(void **state)
{
    return held_prepared(life_plain(state));
}
#endif

/* Stops the writer of the new home, and compares. */
static void end_writing(struct steady_writer *writer)
{
    int written = steady_writer_end(writer);

    free(writer);
    assert_int_equal(life_count(l.on_target), HISTORY + written);
    held_wait_until_carried();
    held_assert_same();
    life_wait_for("s.ending = 'hold' AND s.lag_events = 0 AND s.verified_to = s.watermark AND s.note = ''");
}

/* ---- the old store ---- */

static void catches_up_when_the_old_store_was_away(void **state)
{
    struct cluster *cluster = support_cluster("source", NULL);
    struct tmv_error err;

    (void)state;
    held_move();
    struct steady_writer *writer = steady_writer_start();
    steady_writer_await(writer, 20, NULL, 0);
    for (int i = 0; i < 2; i++) {
        pgx_close(TAKE(l.on_source));
        assert_done(cluster_stop(cluster, i ? CLUSTER_KILL : CLUSTER_FAST, &err), &err);
        steady_writer_await(writer, 20, NULL, 0);
        assert_done(cluster_resume(cluster, &err), &err);
        l.on_source = support_connect(l.source.conninfo);
        held_wait_until_carried();
    }
    end_writing(writer);
}

static void set_read_only(const char *value)
{
    AUTO_FREE char *database = support_text(l.on_source, "SELECT quote_ident(current_database())");

    support_sql(l.on_source,
                "SET default_transaction_read_only = off; ALTER DATABASE %s SET "
                "default_transaction_read_only = %s",
                database, value);
    support_sql(l.on_source, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                             "current_database() AND pid <> pg_backend_pid()");
}

static void catches_up_when_the_old_store_was_read_only(void **state)
{
    (void)state;
    held_move();
    struct steady_writer *writer = steady_writer_start();
    steady_writer_await(writer, 20, NULL, 0);
    set_read_only("on");
    int64_t before = life_count(l.on_source);
    steady_writer_await(writer, 50, NULL, 0);
    life_wait_for("s.note LIKE '%read-only%'");
    assert_int_equal(life_count(l.on_source), before);
    set_read_only("off");
    end_writing(writer);
}

/* The server of the old store does not come back. */
static void is_ended_without_the_old_store(void **state)
{
    struct cluster *cluster = support_cluster("source", NULL);
    struct tmv_request request = {.operation = TMV_OP_FINALIZE, .reason = "its server burned"};
    struct tmv_error err;

    (void)state;
    held_move();
    request.migration = l.migration;
    pgx_close(TAKE(l.on_source));
    assert_done(cluster_stop(cluster, CLUSTER_KILL, &err), &err);
    life_wait_for("s.waiting_since IS NOT NULL");
    life_expect(life_ask_for(&request), TMV_COMMAND_REFUSED, "--abandon-source");
    request.force = true;
    life_expect(life_ask_for(&request), TMV_COMMAND_DONE, "given up");
    life_wait_for("s.ending = 'finalized' AND l.engine IS NULL");
    held_write_home(700, 1);
    assert_int_equal(support_int(l.on_control,
                                 "SELECT count(*) FROM public.migration_audit_log WHERE details "
                                 "@> '{\"source_abandoned\": true}'"),
                     1);
    assert_done(cluster_resume(cluster, &err), &err);
    l.on_source = support_connect(l.source.conninfo);
    assert_false(move_insert(l.on_source, &l.tenant, 701, 1, &err)); /* its fence is as it was */
    assert_string_equal(err.sqlstate, "TM001");
}

/* ---- the engine ---- */

#ifdef TMV_FAULT_POINTS
/* One who writes to the old store for another tenant, all the time. */
struct neighbour {
    pthread_t thread;
    struct pgx_conn *conn; /* owned */
    struct tmv_uuid tenant;
    atomic_bool stop;
    int written;
    bool failed;
    struct tmv_error last;
};

static void *write_beside(void *arg)
{
    struct neighbour *n = arg;

    while (!n->failed && !atomic_load(&n->stop)) {
        n->failed = !move_insert(n->conn, &n->tenant, 900, n->written + 1, &n->last);
        n->written += !n->failed;
        stop_sleep(NULL, 3 * US_PER_MS);
    }
    return NULL;
}

static struct neighbour *neighbour_start(void)
{
    struct neighbour *n = calloc(1, sizeof *n);

    assert_non_null(n);
    n->tenant = tmv_uuid_random();
    n->conn = support_connect(l.source.conninfo);
    assert_int_equal(pthread_create(&n->thread, NULL, write_beside, n), 0);
    return n;
}

static void neighbour_end(struct neighbour *n)
{
    char id[TMV_UUID_TEXT];

    atomic_store(&n->stop, true);
    pthread_join(n->thread, NULL);
    pgx_close(n->conn);
    if (n->failed)
        fail_msg("a neighbour's write failed: %s", n->last.message);
    assert_true(n->written > 0);
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM public.events WHERE tenant_id = '%s'",
                                 tmv_uuid_format(&n->tenant, id)),
                     n->written);
    free(n);
}

static void wait_until_it_exits(pid_t pid, const char *fault)
{
    for (int64_t until = clock_now_us() + 60 * US_PER_S; !worker_has_exited(pid);
         stop_sleep(NULL, 10 * US_PER_MS))
        if (clock_now_us() > until)
            fail_msg("the fault point %s was never reached", fault);
}

static void carries_each_event_once_when_the_engine_is_killed(void **state)
{
    static const char *const faults[] = {
        "tail.before_commit#1=exit", "tail.after_commit#1=exit", "tail.before_commit#4=exit",
        "tail.after_commit#4=exit",  "tail.after_commit#9=exit",
    };

    (void)state;
    held_move();
    life_stop_engine();
    struct neighbour *neighbour = neighbour_start();
    struct steady_writer *writer = steady_writer_start();
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        wait_until_it_exits(worker_start(NULL, faults[i]), faults[i]);
    pid_t pid = worker_start(NULL, NULL);
    end_writing(writer);
    neighbour_end(neighbour);
    worker_end(pid);
}

/* The end in the middle of its steps: the next engine finishes it, and answers. */
static void finishes_an_end_that_was_interrupted(void **state)
{
    static const char *const faults[] = {"finalize.begun=exit", "finalize.leg_ended=exit",
                                         "finalize.before_row=exit", "finalize.row=exit"};
    struct tmv_request request = {.operation = TMV_OP_FINALIZE};
    struct tmv_command_info info = {0};
    struct tmv_uuid id;
    struct tmv_error err;

    (void)state;
    held_move();
    life_stop_engine();
    request.migration = l.migration;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        support_sql(l.on_control, "UPDATE tenantmv.migration_state SET ending = 'hold'");
        support_sql(l.on_source, "UPDATE tenantmv.applied SET state = 'mirroring' WHERE leg = 2");
        held_write_home(700, (int)i + 1);
        pid_t pid = worker_start(NULL, faults[i]);
        assert_done(tmv_request(l.handle, &request, &amy, &id, &err), &err);
        wait_until_it_exits(pid, faults[i]);
        pid = worker_start(NULL, NULL);
        life_wait_for("s.ending = 'finalized' AND l.engine IS NULL");
        assert_done(tmv_command_get(l.handle, &id, &info, &err), &err);
        assert_int_equal(info.state, TMV_COMMAND_DONE);
        assert_int_equal(
            support_int(l.on_source,
                        "SELECT count(*) FROM tenantmv.applied WHERE leg = 2 AND state = 'done'"),
            1);
        held_assert_same();
        worker_end(pid);
    }
}

static int64_t owner_epoch(void)
{
    return support_int(l.on_control, "SELECT max(owner_epoch) FROM tenantmv.lease");
}

/* The engine goes on, as another owner: it does not believe what it remembers of the leg. */
static void carries_each_event_once_when_an_answer_is_lost(void **state)
{
    static const char *const faults[] = {"tail.before_commit#3=lose", "tail.before_commit#3=cut",
                                         "tail.after_commit#3=cut"};

    (void)state;
    held_move();
    life_stop_engine();
    struct neighbour *neighbour = neighbour_start();
    struct steady_writer *writer = steady_writer_start();
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        int64_t epoch = owner_epoch();
        pid_t pid = worker_start(NULL, faults[i]);

        support_wait_until(l.on_control, "SELECT max(owner_epoch) > %lld FROM tenantmv.lease",
                           (long long)epoch + 1);
        steady_writer_await(writer, 20, NULL, 0);
        worker_end(pid);
    }
    pid_t pid = worker_start(NULL, NULL);
    end_writing(writer);
    neighbour_end(neighbour);
    worker_end(pid);
}

/* Frozen in the middle of a batch, and woken when another engine has carried the same events. */
static void a_batch_of_a_late_engine_changes_nothing(void **state)
{
    (void)state;
    held_move();
    life_stop_engine();
    struct neighbour *neighbour = neighbour_start();
    struct steady_writer *writer = steady_writer_start();
    pid_t late = worker_start("late", "tail.before_commit#3=stop");
    worker_wait_until_stopped(late);
    int64_t epoch = owner_epoch();
    pid_t next = worker_start("next", NULL);
    support_wait_until(l.on_control, "SELECT max(owner_epoch) > %lld FROM tenantmv.lease", (long long)epoch);
    steady_writer_await(writer, 20, NULL, 0);
    held_wait_until_carried();
    epoch = owner_epoch();
    worker_continue(late);
    steady_writer_await(writer, 100, NULL, 0);
    assert_int_equal(owner_epoch(), epoch); /* it took nothing back */
    end_writing(writer);
    neighbour_end(neighbour);
    worker_end(late);
    worker_end(next);
}
#endif

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, life_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(catches_up_when_the_old_store_was_away, elsewhere),
        CASE(catches_up_when_the_old_store_was_read_only, elsewhere),
        CASE(is_ended_without_the_old_store, elsewhere),
#ifdef TMV_FAULT_POINTS
        CASE(carries_each_event_once_when_the_engine_is_killed, plain),
        CASE(carries_each_event_once_when_an_answer_is_lost, plain),
        CASE(finishes_an_end_that_was_interrupted, plain),
        CASE(a_batch_of_a_late_engine_changes_nothing, elsewhere),
#endif
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

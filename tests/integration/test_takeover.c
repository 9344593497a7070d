/* The engine is killed while it mirrors, and another one that stands by goes on by itself. Prints how long
 * that took; asserts only that it went on and that nothing was lost. TENANTMV_TAKEOVERS says how often (3).
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "support/life.h"
#include "support/steady_writer.h"
#include "support/worker.h"

#define TAKEOVERS_MAX 1000

static pid_t workers[2];
static const char *const names[2] = {"one", "two"};

/* Which of the two engines owns the migration. */
static int owner(void)
{
    AUTO_FREE char *name = support_text(l.on_control, "SELECT engine_name FROM tenantmv.lease");

    for (int i = 0; i < 2; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    fail_msg("the engine \"%s\" owns the migration", name);
    return -1;
}

/* Waits until a column of a table of one row ("lease.owner_epoch") is above a number; the time since, in ms.
 */
static int64_t wait_ms(struct pgx_conn *conn, int64_t since_us, const char *table, const char *column,
                       int64_t above)
{
    int64_t until = since_us + 60 * US_PER_S;

    while (!support_int(conn, "SELECT count(*) FROM tenantmv.%s WHERE %s > %lld", table, column,
                        (long long)above)) {
        if (clock_now_us() > until)
            fail_msg("nobody took over: %s", column);
        stop_sleep(NULL, 2 * US_PER_MS);
    }
    return (clock_now_us() - since_us) / US_PER_MS;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void describe(const char *what, int64_t *ms, int count)
{
    qsort(ms, (size_t)count, sizeof *ms, by_size);
    print_message("%s: p50 %lld ms, max %lld ms of %d\n", what, (long long)ms[count / 2],
                  (long long)ms[count - 1], count);
}

static void goes_on_by_itself_when_the_engine_is_killed(void **state)
{
    static int64_t claimed[TAKEOVERS_MAX], mirrored[TAKEOVERS_MAX];
    const char *wanted = getenv("TENANTMV_TAKEOVERS");
    int count = wanted ? atoi(wanted) : 3;
    unsigned seed = 7;
    struct tmv_error err;

    (void)state;
    assert_in_range(count, 1, TAKEOVERS_MAX);
    life_prepare(false, false);
    struct steady_writer *writer = steady_writer_start();
    assert_done(life_begin(&err), &err);
    for (int i = 0; i < 2; i++)
        workers[i] = worker_start(names[i], NULL);
    life_wait_for("m.phase = 'dual_write' AND s.ready");
    for (int i = 0; i < count; i++) {
        int64_t epoch = support_int(l.on_control, "SELECT owner_epoch FROM tenantmv.lease");
        int which = owner();

        stop_sleep(NULL, rand_r(&seed) % US_PER_S); /* somewhere between two heartbeats */
        worker_kill(workers[which]);
        int64_t start = clock_now_us();
        claimed[i] = wait_ms(l.on_control, start, "lease", "owner_epoch", epoch);
        int64_t watermark = support_int(l.on_target, "SELECT watermark FROM tenantmv.applied");
        mirrored[i] = wait_ms(l.on_target, start, "applied", "watermark", watermark);
        assert_int_equal(owner(), 1 - which);
        workers[which] = worker_start(names[which], NULL);
        /* the new one must stand by before the other is killed */
        support_wait_until(l.on_control, "SELECT count(*) = 2 FROM pg_stat_activity WHERE application_name = "
                                         "'tenantmv/engine' AND datname = current_database()");
    }
    describe("from the kill to the lease", claimed, count);
    describe("from the kill to the next mirrored event", mirrored, count);
    life_wait_for("s.ready");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    int written = steady_writer_end(writer);
    assert_int_equal(life_count(l.on_target), HISTORY + written);
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'moved'"),
                     1);
    life_assert_one_audit_row("migration_completed");
    for (int i = 0; i < 2; i++)
        worker_end(workers[i]);
    life_release();
    free(writer);
}

static void gives_the_lease_back_when_it_is_told_to_stop(void **state)
{
    struct tmv_error err;

    (void)state;
    life_prepare(false, false);
    assert_done(life_begin(&err), &err);
    pid_t pid = worker_start("first", NULL);
    life_wait_for("m.phase = 'dual_write' AND s.ready");
    worker_end(pid);
    assert_int_equal(support_int(l.on_control, "SELECT count(*) FROM tenantmv.lease WHERE engine IS NULL"),
                     1);
    life_release();
}

static struct pgx_conn *session_of(const char *conninfo, const struct tmv_uuid *migration)
{
    char id[TMV_UUID_TEXT];
    struct pgx_conn *conn = support_connect(conninfo);

    support_sql(conn, "SET application_name = 'tenantmv/tail/%s'", tmv_uuid_format(migration, id));
    return conn;
}

/* A stopped process keeps its transactions open, and obeys no timeout: the server's sessions are ended. */
static void ends_the_sessions_that_a_stopped_engine_keeps_open(void **state)
{
    const struct tmv_uuid other = tmv_uuid_random();

    (void)state;
    life_prepare(false, false);
    life_begin_and_wait_until_ready();
    life_stop_engine();
    AUTO_CONN struct pgx_conn *on_source = session_of(l.source.conninfo, &l.migration);
    AUTO_CONN struct pgx_conn *on_target = session_of(l.target.conninfo, &l.migration);
    AUTO_CONN struct pgx_conn *bystander = session_of(l.target.conninfo, &other);
    int64_t pid = support_int(on_target, "SELECT pg_backend_pid()");

    support_sql(on_source, "BEGIN; SELECT FROM tenantmv.owner FOR UPDATE");
    support_sql(on_target, "BEGIN; SELECT FROM tenantmv.applied FOR UPDATE");
    support_sql(l.on_control, "UPDATE tenantmv.migration_state SET ready = false");
    life_start_engine();
    support_wait_until(l.on_target, "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = %lld",
                       (long long)pid);
    life_wait_for("m.phase = 'dual_write' AND s.ready");
    assert_int_equal(support_int(bystander, "SELECT 1"), 1);
    life_release();
}

/* Each attempt has a number of its own: an earlier one may have left the target's above the source's. */
static void decides_at_an_epoch_that_neither_fence_had(void **state)
{
    (void)state;
    life_prepare(false, false);
    life_begin_and_wait_until_ready();
    support_sql(l.on_target, "UPDATE tenantmv.fence SET placement_epoch = 7");
    life_expect(life_ask(TMV_OP_CUTOVER, "test"), TMV_COMMAND_DONE, "completed");
    assert_int_equal(
        support_int(l.on_source, "SELECT placement_epoch FROM tenantmv.fence WHERE state = 'moved'"), 8);
    support_wait_until(l.on_target, "SELECT state = 'open' AND placement_epoch = 8 FROM tenantmv.fence");
    life_assert_moved();
    life_release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_the_sessions_that_a_stopped_engine_keeps_open),
        cmocka_unit_test(decides_at_an_epoch_that_neither_fence_had),
        cmocka_unit_test(gives_the_lease_back_when_it_is_told_to_stop),
        cmocka_unit_test(goes_on_by_itself_when_the_engine_is_killed),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

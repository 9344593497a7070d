/* Every pause ends by itself (L1): the engine is stopped, as by SIGSTOP, at each point inside the cutover, in
 * the middle of receiving and of sending data too. The databases' own timeouts let the writers go on while it
 * is still stopped; another engine finishes the migration meanwhile; and the late one, let go on, changes
 * nothing (S11). Needs a build with fault points. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "support/life.h"
#include "support/steady_writer.h"
#include "support/worker.h"

#define LOCK_BUDGET_MS 200
#define DRAIN_BUDGET_MS 400

static void prepare(void)
{
    life_prepare(false, false);
    l.settings.lock_budget_ms = LOCK_BUDGET_MS;
    l.settings.drain_budget_ms = DRAIN_BUDGET_MS;
}

static bool has_phase(const char *phase)
{
    char id[TMV_UUID_TEXT];

    return support_int(l.on_control,
                       "SELECT count(*) FROM public.tenant_migrations WHERE id = '%s' AND phase = '%s'",
                       tmv_uuid_format(&l.migration, id), phase) > 0;
}

static void ask_for_cutover(void)
{
    const struct tmv_request request = {.operation = TMV_OP_CUTOVER, .migration = l.migration};
    struct tmv_uuid id;
    struct tmv_error ignored;

    if (has_phase("dual_write"))
        (void)!tmv_request(l.handle, &request, &amy, &id, &ignored);
}

/* Asks for the cutover until the engine has stopped itself at its point. */
static void drive_to_the_stop(pid_t pid)
{
    int64_t until = clock_now_us() + 120 * US_PER_S;

    while (!worker_is_stopped(pid)) {
        ask_for_cutover();
        if (clock_now_us() > until)
            fail_msg("the engine never reached its point");
        stop_sleep(NULL, 30 * US_PER_MS);
    }
}

static void drive_to_the_end(void)
{
    int64_t until = clock_now_us() + 120 * US_PER_S;

    while (!has_phase("completed")) {
        ask_for_cutover();
        if (clock_now_us() > until)
            fail_msg("the successor does not come to an end");
        stop_sleep(NULL, 30 * US_PER_MS);
    }
    life_wait_for("l.engine IS NULL OR l.migration_id IS NULL");
}

/* Everything that an engine could change, as text. */
static char *picture(void)
{
    static const char stores[] =
        "SELECT string_agg(t, E'\\n' ORDER BY t) FROM ("
        "SELECT f::text t FROM tenantmv.fence f UNION ALL "
        "SELECT o::text FROM tenantmv.owner o UNION ALL "
        "SELECT a::text FROM tenantmv.applied a UNION ALL "
        "SELECT md5(string_agg(e::text, '' ORDER BY e.global_position)) FROM public.events e) x";
    AUTO_FREE char *source = support_text(l.on_source, "%s", stores);
    AUTO_FREE char *target = support_text(l.on_target, "%s", stores);
    AUTO_FREE char *control =
        support_text(l.on_control, "SELECT string_agg(t, E'\\n' ORDER BY t) FROM ("
                                   "SELECT x::text t FROM public.tenant_migrations x UNION ALL "
                                   "SELECT x::text FROM public.tenant_routing x UNION ALL "
                                   "SELECT (to_jsonb(x) - 'retired')::text FROM tenantmv.migration_state x "
                                   "UNION ALL "
                                   "SELECT x::text FROM tenantmv.lease x UNION ALL "
                                   "SELECT x::text FROM tenantmv.command x UNION ALL "
                                   "SELECT x::text FROM tenantmv.cutover_attempt x UNION ALL "
                                   "SELECT x::text FROM tenantmv.audit_chain x) a");
    char *all = NULL;

    assert_true(asprintf(&all, "source %s\ntarget %s\ncontrol %s\n", source, target, control) > 0);
    return all;
}

/* Shows the first line that differs. */
static void assert_same(const char *before, const char *after)
{
    const char *start = before;

    for (size_t i = 0; before[i] || after[i]; i++) {
        if (before[i] != after[i])
            fail_msg("was: %.*s\n  is: %.*s", (int)strcspn(start, "\n"), start,
                     (int)strcspn(after + (start - before), "\n"), after + (start - before));
        if (before[i] == '\n')
            start = before + i + 1;
    }
}

/* Lets the stopped engine go on, until it has looked around several times. Nothing may have changed. */
static void wake_the_late_one(pid_t pid)
{
    AUTO_FREE char *before = picture();
    AUTO_FREE char *now = support_text(l.on_control, "SELECT clock_timestamp()");

    worker_continue(pid);
    support_wait_until(
        l.on_control,
        "SELECT count(*) = 2 AND min(query_start) > '%s'::timestamptz + interval '1 s' FROM "
        "pg_stat_activity WHERE application_name = 'tenantmv/engine' AND datname = current_database()",
        now);
    AUTO_FREE char *after = picture();
    assert_same(before, after);
    worker_end(pid);
}

/* ---- a transaction that leaves much for the drain ---- */

struct burst {
    pthread_t thread;
    atomic_bool stop;
    struct pgx_conn *conn;
    int events;
};

/* Megabytes of events that become visible only when the cutover already asks for the lock. */
static void *write_bursts(void *arg)
{
    struct burst *b = arg;

    for (int i = 0; !atomic_load(&b->stop); i++) {
        int64_t until = clock_now_us() + US_PER_S / 2;

        support_sql(b->conn,
                    "BEGIN; INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, "
                    "tenant_id, "
                    "version, timestamp, payload) SELECT gen_random_uuid(), gen_random_uuid(), 'Burst', 'E', "
                    "'%s', 1, "
                    "now(), jsonb_build_object('x', repeat('x', 3000)) FROM generate_series(1, 1000)",
                    l.tenant_text);
        while (!atomic_load(&b->stop) && clock_now_us() < until &&
               support_int(b->conn, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = "
                                    "'ExclusiveLock' AND NOT granted") == 0)
            stop_sleep(NULL, 2 * US_PER_MS);
        support_sql(b->conn, "COMMIT");
        b->events += 1000;
        stop_sleep(NULL, 200 * US_PER_MS);
    }
    return NULL;
}

/* ---- the cases ---- */

/* Another engine brings the migration to its end while the first stands still; then that one goes on. Every
 * event is there. Frees the writer. */
static void finish_with_a_second(pid_t first, struct steady_writer *writer, int more_events)
{
    pid_t second = worker_start("second", NULL);

    drive_to_the_end();
    int written = steady_writer_end(writer);
    wake_the_late_one(first);
    worker_end(second);
    assert_int_equal(life_count(l.on_target), HISTORY + written + more_events);
    free(writer);
}

static void stop_at(const char *point, bool bursts)
{
    struct burst burst = {0};
    struct tmv_error err;
    char fault[80];

    print_message("stop at %s\n", point);
    prepare();
    struct steady_writer *writer = steady_writer_start();
    assert_done(life_begin(&err), &err);
    snprintf(fault, sizeof fault, "%s=stop", point);
    pid_t first = worker_start("first", fault);
    life_wait_for("m.phase = 'dual_write'");
    if (bursts) {
        burst.conn = support_connect(l.source.conninfo);
        assert_int_equal(pthread_create(&burst.thread, NULL, write_bursts, &burst), 0);
    }
    atomic_store(&writer->longest_us, 0);
    drive_to_the_stop(first);
    steady_writer_await(writer, 5, worker_is_stopped, first);
    print_message("  the longest write took %.1f ms (budgets: lock %d, drain %d, decision 40)\n",
                  (double)atomic_load(&writer->longest_us) / 1000, LOCK_BUDGET_MS, DRAIN_BUDGET_MS);
    atomic_store(&burst.stop, true);
    if (bursts) {
        pthread_join(burst.thread, NULL);
        pgx_close(burst.conn);
    }
    finish_with_a_second(first, writer, burst.events);
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM tenantmv.fence WHERE state = 'open'"), 1);
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'moved'"),
                     1);
    life_assert_one_audit_row("migration_completed");
    life_release();
}

static void writers_go_on_while_the_engine_is_stopped_inside_the_cutover(void **state)
{
    static const char *const points[] = {
        "cutover.begun",         "cutover.before_lock",          "cutover.after_lock",
        "cutover.receiving",     "cutover.before_target_commit", "cutover.after_drain",
        "cutover.before_decide", "cutover.after_decide",         "cutover.after_open",
        "cutover.recorded",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(points); i++)
        stop_at(points[i], false);
}

static void writers_go_on_while_both_servers_are_stuck_in_the_middle_of_a_stream(void **state)
{
    (void)state;
    stop_at("cutover.receiving", true);
    stop_at("cutover.sending", true);
}

/* It stands still with its guard installed and not committed: the whole table is locked. */
static void writers_go_on_while_the_engine_is_stopped_inside_the_installation(void **state)
{
    struct tmv_error err;

    (void)state;
    prepare();
    struct steady_writer *writer = steady_writer_start();
    assert_done(life_begin(&err), &err);
    pid_t first = worker_start("first", "guard.before_install_commit#2=stop");
    for (int64_t until = clock_now_us() + 120 * US_PER_S; !worker_is_stopped(first);) {
        assert_true(clock_now_us() < until);
        stop_sleep(NULL, 30 * US_PER_MS);
    }
    atomic_store(&writer->longest_us, 0);
    steady_writer_await(writer, 5, worker_is_stopped, first);
    print_message("  the longest write took %.1f ms\n", (double)atomic_load(&writer->longest_us) / 1000);
    finish_with_a_second(first, writer, 0);
    life_release();
}

/* Only the control database tells them of the move, and the engine stands still before it opens the target.
 */
static void writers_that_come_after_the_decision_do_not_need_the_engine(void **state)
{
    struct tmv_error err;

    (void)state;
    prepare();
    assert_done(life_begin(&err), &err);
    pid_t first = worker_start("first", "cutover.after_decide=stop");
    life_wait_for("m.phase = 'dual_write'");
    drive_to_the_stop(first);
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM tenantmv.fence WHERE state = 'armed'"),
                     1);
    struct steady_writer *writer = steady_writer_start();
    steady_writer_await(writer, 5, worker_is_stopped, first);
    /* The engine is given a moment to do it; then a writer does. */
    support_wait_until(l.on_target, "SELECT count(*) = 1 FROM tenantmv.fence WHERE state = 'open'");
    finish_with_a_second(first, writer, 0);
    life_release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers_go_on_while_the_engine_is_stopped_inside_the_cutover),
        cmocka_unit_test(writers_that_come_after_the_decision_do_not_need_the_engine),
        cmocka_unit_test(writers_go_on_while_the_engine_is_stopped_inside_the_installation),
        cmocka_unit_test(writers_go_on_while_both_servers_are_stuck_in_the_middle_of_a_stream),
    };

#ifndef TMV_FAULT_POINTS
    return 77; /* meson: skipped */
#endif
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

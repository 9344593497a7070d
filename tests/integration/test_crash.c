/* The engine's process is killed at each of its fault points, while a writer keeps writing through the
 * router; another one is started and must bring the migration to its end by itself, with nothing lost. Needs
 * a build with fault points. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "support/life.h"
#include "support/steady_writer.h"
#include "support/worker.h"

/* ---- the cases ---- */

static int prepare(void **state)
{
    (void)state;
#ifndef TMV_FAULT_POINTS
    skip();
#endif
    return 0;
}

static bool is(const char *condition)
{
    char id[TMV_UUID_TEXT];

    return support_int(l.on_control,
                       "SELECT count(*) FROM public.tenant_migrations m JOIN tenantmv.migration_state s ON "
                       "s.migration_id = m.id "
                       "WHERE m.id = '%s' AND (%s)",
                       tmv_uuid_format(&l.migration, id), condition) > 0;
}

/* Asks again and again until the phase is reached or the process died. An attempt that a crash undid is asked
 * for anew. */
static bool drive(pid_t pid, enum tmv_operation operation, const char *end)
{
    const struct tmv_request request = {
        .operation = operation, .migration = l.migration, .reason = "crash test"};
    int64_t until = clock_now_us() + 120 * US_PER_S;

    while (!is(end)) {
        struct tmv_uuid id;
        struct tmv_error ignored;

        if (worker_has_exited(pid))
            return false;
        assert_true(clock_now_us() < until);
        if (is("m.phase = 'dual_write' AND s.ready"))
            (void)!tmv_request(l.handle, &request, &amy, &id, &ignored);
        stop_sleep(NULL, 50 * US_PER_MS);
    }
    return true;
}

static void crash_at(const char *point, enum tmv_operation operation)
{
    bool abort = operation == TMV_OP_ABORT;
    const char *end = abort ? "m.phase = 'aborted'" : "m.phase = 'completed'";
    char fault[80];
    struct tmv_error err;
    int64_t until = clock_now_us() + 30 * US_PER_S;

    life_prepare(false, false);
    struct steady_writer *writer = steady_writer_start();
    assert_done(life_begin(&err), &err);
    snprintf(fault, sizeof fault, "%s=exit", point);
    pid_t pid = worker_start(NULL, fault);
    /* A point after the end of the phase may be hit a moment after the phase is seen. */
    if (drive(pid, operation, end))
        while (!worker_has_exited(pid))
            if (clock_now_us() > until)
                fail_msg("the fault point %s was never reached", point);
    pid = worker_start(NULL, NULL);
    if (!drive(pid, operation, end))
        fail_msg("the successor died");
    life_wait_for("l.engine IS NULL OR l.migration_id IS NULL");
    int written = steady_writer_end(writer);
    worker_end(pid);
    if (abort) {
        life_assert_source_as_it_was();
        assert_int_equal(life_count(l.on_target), 0);
        assert_int_equal(life_count(l.on_source), HISTORY + written);
    } else {
        assert_int_equal(life_count(l.on_target), HISTORY + written);
        assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM tenantmv.fence WHERE state = 'open'"),
                         1);
        assert_int_equal(
            support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'moved'"), 1);
        life_assert_one_audit_row("migration_completed");
    }
    life_release();
    free(writer);
}

static void converges_after_a_kill_at_every_point_of_the_way(void **state)
{
    /* The points of the index rebuilder need a larger history: they are in test_bulk_copier. */
    static const char *const points[] = {
        "pending.before_change",    "guard.target_prepared", "guard.source_prepared",
        "guard.installed",          "guard.applied_begun",   "copy.before_chunk_commit",
        "copy.after_chunk_commit",  "copy.target_row_guard", "copy.mirroring",
        "mirror.before_dual_write", "tail.before_commit",    "tail.after_commit",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        print_message("kill at %s\n", points[i]);
        crash_at(points[i], TMV_OP_CUTOVER);
    }
}

static void converges_after_a_kill_at_every_point_of_the_cutover(void **state)
{
    static const char *const points[] = {
        "cutover.begun",        "cutover.after_lock", "cutover.after_drain", "cutover.before_decide",
        "cutover.after_decide", "cutover.after_open", "cutover.recorded",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        print_message("kill at %s\n", points[i]);
        crash_at(points[i], TMV_OP_CUTOVER);
    }
}

static void converges_after_a_kill_at_every_point_of_an_abort(void **state)
{
    static const char *const points[] = {
        "abort.undoing",      "abort.fence_off",    "abort.batch",
        "abort.target_clean", "abort.source_clean", "abort.ledger_empty",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        print_message("kill at %s\n", points[i]);
        crash_at(points[i], TMV_OP_ABORT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(converges_after_a_kill_at_every_point_of_the_way, prepare),
        cmocka_unit_test_setup(converges_after_a_kill_at_every_point_of_the_cutover, prepare),
        cmocka_unit_test_setup(converges_after_a_kill_at_every_point_of_an_abort, prepare),
    };

#ifndef TMV_FAULT_POINTS
    return 77; /* meson: skipped */
#endif
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

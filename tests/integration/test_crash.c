/* The engine's process is killed at each of its fault points, while a writer keeps writing through the
 * router; another one is started and must bring the migration to its end by itself, with nothing lost. Needs
 * a build with fault points. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "support/life.h"
#include "tenantmv/router.h"

#define FAULT_EXIT 86

/* ---- the engine as a process ---- */

static pid_t start_worker(const char *fault)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed case leaves no engine behind */
    if (fault)
        setenv("TENANTMV_FAULT", fault, 1);
    else
        unsetenv("TENANTMV_FAULT");
    if (!getenv("TENANTMV_TEST_VERBOSE") && !freopen("/dev/null", "w", stderr))
        _exit(1);
    execl(getenv("TENANTMV_PROGRAM"), "tenantmv", "worker", "--control", l.control, NULL);
    _exit(127);
}

static bool has_exited(pid_t pid)
{
    int status = 0;

    if (waitpid(pid, &status, WNOHANG) != pid)
        return false;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), FAULT_EXIT);
    return true;
}

static void end_worker(pid_t pid)
{
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- a writer that keeps writing ---- */

struct writer {
    pthread_t thread;
    atomic_bool stop;
    struct tmv_router *router;
    int acknowledged;
    int refused;
    struct tmv_error last;
};
static struct writer *w; /* of the case that runs; after a failed case its thread keeps its own */

static void *write_on(void *arg)
{
    const struct tmv_stream stream = {
        .tenant = l.tenant, .aggregate = tmv_uuid_random(), .aggregate_type = "Order"};
    const struct tmv_new_event event = {.type = "OrderPlaced", .payload = "{\"n\": 1}"};
    struct writer *self = arg;

    while (!atomic_load(&self->stop)) {
        struct tmv_append_result result;
        struct tmv_error err;
        const struct tmv_append append = {
            .stream = &stream, .expected_version = self->acknowledged, .events = &event, .count = 1};

        if (tmv_router_append(self->router, &append, &result, &err)) {
            self->acknowledged++;
        } else {
            self->refused++;
            self->last = err;
        }
        stop_sleep(NULL, 5 * US_PER_MS);
    }
    return NULL;
}

static void start_writer(void)
{
    const struct tmv_router_options options = {.control_conninfo = l.control, .timeout_us = 60 * US_PER_S};
    struct tmv_error err;

    w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_done(tmv_router_open(&options, &w->router, &err), &err);
    assert_int_equal(pthread_create(&w->thread, NULL, write_on, w), 0);
}

static void end_writer(void)
{
    atomic_store(&w->stop, true);
    pthread_join(w->thread, NULL);
    tmv_router_close(w->router);
    if (w->refused)
        fail_msg("%d writes failed, the last: %s", w->refused, w->last.message);
    assert_true(w->acknowledged > 0);
}

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

        if (has_exited(pid))
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
    start_writer();
    assert_done(life_begin(&err), &err);
    snprintf(fault, sizeof fault, "%s=exit", point);
    pid_t pid = start_worker(fault);
    /* A point after the end of the phase may be hit a moment after the phase is seen. */
    if (drive(pid, operation, end))
        while (!has_exited(pid))
            if (clock_now_us() > until)
                fail_msg("the fault point %s was never reached", point);
    pid = start_worker(NULL);
    if (!drive(pid, operation, end))
        fail_msg("the successor died");
    life_wait_for("l.engine IS NULL OR l.migration_id IS NULL");
    end_writer();
    end_worker(pid);
    if (abort) {
        life_assert_source_as_it_was();
        assert_int_equal(life_count(l.on_target), 0);
        assert_int_equal(life_count(l.on_source), HISTORY + w->acknowledged);
    } else {
        assert_int_equal(life_count(l.on_target), HISTORY + w->acknowledged);
        assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM tenantmv.fence WHERE state = 'open'"),
                         1);
        assert_int_equal(
            support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'moved'"), 1);
        life_assert_one_audit_row("migration_completed");
    }
    life_release();
    free(w);
    w = NULL;
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

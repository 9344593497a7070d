/* The source has a synchronous standby, a real one, that stops to answer: before the cutover, and inside the
 * decision's COMMIT. The first refuses the cutover; the second is ended within the budget, is decided, and is
 * said to stand on the source alone. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "support/life.h"
#include "support/replica.h"
#include "support/worker.h"

static struct cluster *standby;
static pid_t receiver; /* the standby's process that receives the log: stopped, it answers nothing */

static pid_t receiver_pid(void)
{
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct pgx_conn *conn = support_connect(cluster_conninfo(standby, "postgres", conninfo));
    int64_t pid = support_int(conn, "SELECT pid FROM pg_stat_wal_receiver");

    pgx_close(conn);
    return (pid_t)pid;
}

static void silence(void)
{
    receiver = receiver_pid();
    assert_int_equal(kill(receiver, SIGSTOP), 0);
}

static void speak_again(void)
{
    if (receiver)
        assert_int_equal(kill(receiver, SIGCONT), 0);
    receiver = 0;
}

/* The source commits through the standby. Control stands elsewhere, so that a silent standby does not hold it
 * too. */
static int with_a_standby(void **state)
{
    (void)state;
    life_prepare(true, false);
    if (!standby)
        standby = replica_start(support_cluster("source", NULL), "standby");
    replica_require(l.source.conninfo, "standby");
    support_wait_until(l.on_source, "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'");
    return 0;
}

static int done(void **state)
{
    (void)state;
    speak_again();
    replica_require(l.source.conninfo, NULL);
    life_release();
    return 0;
}

static void moves_a_tenant_whose_standby_answers(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    life_wait_for("s.gates @> '[{\"name\": \"standby\", \"green\": true}]'");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
}

static void refuses_the_cutover_while_the_standby_is_silent(void **state)
{
    (void)state;
    l.settings.drain_budget_ms = 2000; /* what a silence is measured with */
    life_begin_and_wait_until_ready();
    silence();
    life_wait_for("s.gates @> '[{\"name\": \"standby\", \"green\": false}]'");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_REFUSED, "standby");
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'open'"), 1);
    speak_again();
    life_wait_for("s.ready");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
}

static void ask_for_the_cutover(void)
{
    const struct tmv_request request = {.operation = TMV_OP_CUTOVER, .migration = l.migration};
    struct tmv_uuid id;
    struct tmv_error err;

    assert_done(tmv_request(l.handle, &request, &amy, &id, &err), &err);
}

static void assert_no_commit_waits(void)
{
    assert_int_equal(support_int(l.on_source,
                                 "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = "
                                 "'ExclusiveLock' AND objsubid = 1 AND database = (SELECT oid FROM "
                                 "pg_database WHERE datname = current_database()) AND pid IN (SELECT pid "
                                 "FROM pg_stat_activity WHERE wait_event = 'SyncRep')"),
                     0);
}

/* The engine is stopped at a point of the cutover, an event is written if writers are not held there, the
 * standby falls silent, the engine goes on: the tenant has moved, and writers are not held. */
static void move_while_silent_from(const char *fault, bool writers_are_free)
{
    struct tmv_error err;

#ifndef TMV_FAULT_POINTS
    skip();
#endif
    l.settings.drain_budget_ms = 5000;
    assert_done(life_begin(&err), &err);
    pid_t pid = worker_start("first", fault);
    life_wait_for("m.phase = 'dual_write' AND s.ready");
    ask_for_the_cutover();
    worker_wait_until_stopped(pid);
    if (writers_are_free)
        assert_done(move_insert(l.on_source, &l.tenant, 700, 1, &err), &err);
    silence();
    worker_continue(pid);
    life_wait_for("m.phase = 'completed'");
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'moved'"),
                     1);
    support_wait_until(l.on_target, "SELECT count(*) = 1 FROM tenantmv.fence WHERE state = 'open'");
    assert_no_commit_waits();
    if (strstr(fault, "after_decide") == NULL)
        life_wait_for("m.last_error LIKE '%%is on the source alone%%'");
    speak_again();
    life_assert_moved(); /* its engine settles what follows the decision */
    worker_end(pid);
    assert_int_equal(life_count(l.on_target), HISTORY + writers_are_free + 1); /* 1: of life_assert_moved */
}

static void a_decision_that_the_standby_does_not_confirm_is_made_and_said(void **state)
{
    (void)state;
    move_while_silent_from("cutover.before_decide=stop", false);
}

static void opens_the_target_when_the_standby_falls_silent_after_the_decision(void **state)
{
    (void)state;
    move_while_silent_from("cutover.after_decide=stop", false);
}

static int the_end(void **state)
{
    cluster_free(standby);
    return support_teardown(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, with_a_standby, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(moves_a_tenant_whose_standby_answers),
        CASE(refuses_the_cutover_while_the_standby_is_silent),
        CASE(a_decision_that_the_standby_does_not_confirm_is_made_and_said),
        CASE(opens_the_target_when_the_standby_falls_silent_after_the_decision),
    };

    return cmocka_run_group_tests(tests, support_setup, the_end);
}

/* Servers that restart or crash, connections that fall silent without being closed, and answers to a commit
 * that are lost on the way, while the history is copied and while it is mirrored: after each of them the
 * migration converges by itself, with nothing lost. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "support/life.h"
#include "support/proxy.h"
#include "support/worker.h"

static struct proxy *proxy;      /* of a case with one */
static struct proxy *proxies[3]; /* to source, target and control, of a case with all of them */
static struct pgx_conn *gate;    /* holds the copy while it is open; NULL: it is not held */

static int done(void **state)
{
    (void)state;
    pgx_close(TAKE(gate));
    life_release();
    proxy_stop(TAKE(proxy));
    for (size_t i = 0; i < ARRAY_LEN(proxies); i++)
        proxy_stop(TAKE(proxies[i]));
    return 0;
}

static void write_on(int stream, int count)
{
    struct tmv_error err;

    for (int i = 1; i <= count; i++)
        assert_done(move_insert(l.on_source, &l.tenant, stream, i, &err), &err);
}

/* Stops a server and starts it again; then the test's own connections are opened anew. */
static void restart(const char *name, enum cluster_stop_mode mode)
{
    struct cluster *cluster = support_cluster(name, NULL);
    struct tmv_error err;

    pgx_close(TAKE(l.on_source));
    pgx_close(TAKE(l.on_target));
    pgx_close(TAKE(l.on_control));
    tmv_control_close(TAKE(l.handle));
    assert_done(cluster_stop(cluster, mode, &err), &err);
    assert_done(cluster_resume(cluster, &err), &err);
    l.on_source = support_connect(l.source.conninfo);
    l.on_target = support_connect(l.target.conninfo);
    l.on_control = support_connect(l.control);
    assert_done(tmv_control_open(l.control, &l.handle, &err), &err);
}

/* ---- the copy, held at its first event ---- */

#define GATE 4711 /* an advisory lock: what a part of the engine writes to the target takes it shared */

/* The target has a column that the source lacks, whose default waits for the gate in sessions of `part`. */
static void hold(const char *part)
{
    support_sql(l.on_target,
                "CREATE FUNCTION public.gate() RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT "
                "true FROM pg_catalog.pg_advisory_xact_lock_shared(%d) WHERE "
                "pg_catalog.current_setting(''application_name'') LIKE ''tenantmv/%s%%'''",
                GATE, part);
    support_sql(l.on_target, "ALTER TABLE public.events ADD COLUMN passed boolean");
    support_sql(l.on_target, "ALTER TABLE public.events ALTER COLUMN passed SET DEFAULT public.gate()");
    gate = support_connect(l.target.conninfo);
    support_sql(gate, "SELECT pg_advisory_lock(%d)", GATE);
}

static void wait_until_held(void)
{
    support_wait_until(l.on_target,
                       "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND objid = %d AND NOT "
                       "granted",
                       GATE);
}

static int64_t owner_epoch(void)
{
    return support_int(l.on_control, "SELECT max(owner_epoch) FROM tenantmv.lease");
}

/* Another ownership than `epoch` mirrors and has `written` events of the test, then the tenant moves. */
static void wait_for_a_later_owner(int64_t epoch, int written)
{
    char condition[200];

    snprintf(condition, sizeof condition,
             "m.phase = 'dual_write' AND s.ready AND l.owner_epoch > %lld AND clock_timestamp() - "
             "s.reported_at < interval '1.5 s'",
             (long long)epoch);
    life_wait_for(condition);
    support_wait_until(l.on_target, "SELECT count(*) = %d FROM public.events WHERE tenant_id = '%s'",
                       HISTORY + written, l.tenant_text);
}

static void move_with(int written)
{
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    assert_int_equal(life_count(l.on_target), HISTORY + written);
    life_assert_moved();
}

static void converge_after_a_crash_while_copying(const char *name)
{
    struct tmv_error err;

    hold("copy");
    assert_done(life_begin(&err), &err);
    life_start_engine();
    wait_until_held();
    int64_t epoch = owner_epoch();
    write_on(700, 20);
    restart(name, CLUSTER_KILL);
    pgx_close(TAKE(gate));
    wait_for_a_later_owner(epoch, 20);
    move_with(20);
}

static void converges_after_the_source_and_control_crash_while_copying(void **state)
{
    (void)state;
    converge_after_a_crash_while_copying("source");
}

static void converges_after_the_target_crashes_while_copying(void **state)
{
    (void)state;
    converge_after_a_crash_while_copying("target");
}

/* ---- restarts in dual write ---- */

static void converge_after_restarts_of(const char *name)
{
    life_begin_and_wait_until_ready();
    write_on(700, 20);
    restart(name, CLUSTER_FAST);
    write_on(701, 20);
    life_wait_for("s.ready AND l.owner_epoch > 1");
    restart(name, CLUSTER_KILL);
    write_on(702, 20);
    life_wait_for("s.ready AND l.owner_epoch > 2 AND clock_timestamp() - s.reported_at < interval '1.5 s'");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    assert_int_equal(life_count(l.on_target), HISTORY + 60);
    life_assert_moved();
}

static void converges_after_the_source_and_control_restart(void **state)
{
    (void)state;
    converge_after_restarts_of("source");
}

static void converges_after_the_target_restarts(void **state)
{
    (void)state;
    converge_after_restarts_of("target");
}

/* ---- answers that are lost ---- */

#ifdef TMV_FAULT_POINTS
/* A store's connections go through the proxy from now on. */
static void through_the_proxy(struct tmv_store_info *store)
{
    char text[CLUSTER_CONNINFO_MAX];
    struct tmv_store_info proxied = *store;
    struct tmv_error err;

    proxy = proxy_start(store->conninfo);
    text_copy(proxied.conninfo, sizeof proxied.conninfo, proxy_conninfo(proxy, store->conninfo, text));
    assert_done(tmv_store_replace(l.handle, &proxied, true, &err), &err);
}

/* The engine was there all the time, and says so: not that it was lost. */
static void assert_outcome_says_what_happened(const struct tmv_uuid *id)
{
    bool moved = support_int(l.on_control, "SELECT count(*) FROM public.tenant_migrations WHERE phase = "
                                           "'completed'");
    struct tmv_command_info info;
    struct tmv_error err;

    support_wait_until(l.on_control, "SELECT outcome <> 'running' FROM tenantmv.cutover_attempt");
    AUTO_FREE char *outcome = support_text(l.on_control, "SELECT outcome FROM tenantmv.cutover_attempt");
    AUTO_FREE char *reason = support_text(l.on_control, "SELECT reason FROM tenantmv.cutover_attempt");

    assert_done(tmv_command_get(l.handle, id, &info, &err), &err);
    assert_string_equal(outcome, moved ? "completed" : "rolled_back");
    assert_string_equal(tmv_command_state_name(info.state), moved ? "done" : "failed");
    if (!moved)
        assert_string_equal(info.outcome, reason);
    assert_int_equal(reason[0] == '\0', moved); /* what succeeded needs no reason */
    assert_null(strstr(reason, "the engine that ran it"));
}

/* The engine is held at a point; then everything that the server says is held back, the engine goes on, and
 * as soon as `committed` is true in `conn` the connections are cut, and the answers with them. */
static void lose_the_answer(const char *point, struct pgx_conn **conn, const char *committed)
{
    struct tmv_request request = {.operation = TMV_OP_CUTOVER};
    struct tmv_uuid id;
    struct tmv_error err;

    l.settings.drain_budget_ms = 20000;
    assert_done(life_begin(&err), &err);
    pid_t pid = worker_start("first", point);
    life_wait_for("m.phase = 'dual_write' AND s.ready");
    write_on(700, 20);
    request.migration = l.migration;
    assert_done(tmv_request(l.handle, &request, &amy, &id, &err), &err);
    worker_wait_until_stopped(pid);
    proxy_stall(proxy, PROXY_TO_CLIENT, true);
    worker_continue(pid);
    support_wait_until(*conn, "%s", committed);
    proxy_cut(proxy);
    proxy_stall(proxy, PROXY_TO_CLIENT, false);
    /* Decided or not: the engine finds out. What was not decided is asked for again. */
    life_wait_for("m.phase = 'completed' OR m.phase = 'dual_write' AND s.ready AND l.owner_epoch > 1");
    assert_outcome_says_what_happened(&id);
    if (support_int(l.on_control, "SELECT count(*) FROM public.tenant_migrations WHERE phase = 'dual_write'"))
        life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    support_wait_until(l.on_target, "SELECT count(*) = 1 FROM tenantmv.fence WHERE state = 'open'");
    assert_int_equal(life_count(l.on_target), HISTORY + 20);
    life_assert_moved(); /* its engine settles what follows the decision */
    worker_end(pid);
}

static void finds_out_that_it_decided_when_the_answer_is_lost(void **state)
{
    (void)state;
    through_the_proxy(&l.source);
    lose_the_answer("cutover.before_decide=stop", &l.on_source,
                    "SELECT count(*) = 1 FROM tenantmv.fence WHERE state = 'moved'");
    life_assert_one_audit_row("cutover_initiated");
}

static void finds_out_that_the_target_was_armed_when_the_answer_is_lost(void **state)
{
    (void)state;
    through_the_proxy(&l.target);
    lose_the_answer("cutover.before_target_commit=stop", &l.on_target,
                    "SELECT count(*) = 1 FROM tenantmv.fence WHERE state = 'armed'");
}
#endif

/* ---- ways that fall silent ---- */

static void lead_through(struct proxy **ret_proxy, char conninfo[], size_t size, bool tcp)
{
    char text[CLUSTER_CONNINFO_MAX];

    *ret_proxy = proxy_start(conninfo);
    text_copy(conninfo, size,
              tcp ? proxy_tcp_conninfo(*ret_proxy, conninfo, text)
                  : proxy_conninfo(*ret_proxy, conninfo, text));
}

/* All that the engine says goes through proxies; the test itself goes directly. The way to the source
 * acknowledges what it does not pass on (a unix socket here), so that only a bound of our own ends the wait;
 * the other two do not, as behind a firewall that forgot a connection. */
static void lead_all_through_proxies(void)
{
    struct tmv_store_info source = l.source, target = l.target;
    struct tmv_error err;

    lead_through(&proxies[0], source.conninfo, sizeof source.conninfo, false);
    lead_through(&proxies[1], target.conninfo, sizeof target.conninfo, true);
    lead_through(&proxies[2], l.control, sizeof l.control, true);
    assert_done(tmv_store_replace(l.handle, &source, true, &err), &err);
    assert_done(tmv_store_replace(l.handle, &target, true, &err), &err);
}

static void leaves_connections_that_fell_silent(void **state)
{
    (void)state;
    lead_all_through_proxies();
    life_begin_and_wait_until_ready();
    for (int i = 0; i < (int)ARRAY_LEN(proxies); i++) {
        int64_t epoch = owner_epoch();

        assert_true(proxy_connections(proxies[i]) > 0);
        proxy_silence(proxies[i]);
        write_on(700 + i, 20);
        wait_for_a_later_owner(epoch, 20 * (i + 1));
    }
    move_with(60);
}

static void fall_silent_in(const char *part)
{
    struct tmv_error err;

    lead_all_through_proxies();
    hold(part);
    assert_done(life_begin(&err), &err);
    life_start_engine();
    wait_until_held();
    int64_t epoch = owner_epoch();
    write_on(700, 20);
    for (size_t i = 0; i < ARRAY_LEN(proxies); i++)
        proxy_silence(proxies[i]);
    pgx_close(TAKE(gate));
    wait_for_a_later_owner(epoch, 20);
    move_with(20);
}

static void leaves_connections_that_fell_silent_while_copying(void **state)
{
    (void)state;
    fall_silent_in("copy");
}

/* The server gives the trial up: nothing else would end a transaction that holds the events table. */
static void leaves_a_trial_that_fell_silent(void **state)
{
    (void)state;
    fall_silent_in("preflight");
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(converges_after_the_source_and_control_restart, life_plain),
        CASE(converges_after_the_target_restarts, life_plain),
        CASE(converges_after_the_target_restarts, life_with_control_elsewhere),
        CASE(converges_after_the_source_and_control_crash_while_copying, life_plain),
        CASE(converges_after_the_target_crashes_while_copying, life_plain),
        CASE(leaves_connections_that_fell_silent, life_with_control_elsewhere),
        CASE(leaves_connections_that_fell_silent_while_copying, life_with_control_elsewhere),
        CASE(leaves_a_trial_that_fell_silent, life_with_control_elsewhere),
#ifdef TMV_FAULT_POINTS
        CASE(finds_out_that_it_decided_when_the_answer_is_lost, life_plain),
        CASE(finds_out_that_the_target_was_armed_when_the_answer_is_lost, life_plain),
#endif
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

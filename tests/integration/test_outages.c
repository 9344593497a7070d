/* Servers that restart or crash, connections that fall silent without being closed, and answers to a commit
 * that are lost on the way: after each of them the migration converges by itself, with nothing lost. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "support/life.h"
#include "support/proxy.h"
#include "support/worker.h"

static struct proxy *proxy;

static int plain(void **state)
{
    (void)state;
    life_prepare(false, false);
    return 0;
}

static int with_control_on_the_target_server(void **state)
{
    (void)state;
    life_prepare(true, false);
    return 0;
}

static int done(void **state)
{
    (void)state;
    life_release();
    proxy_stop(TAKE(proxy));
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

/* A store's connections go through the proxy from now on. */
static void through_the_proxy(struct tmv_store_info *store)
{
    char text[CLUSTER_CONNINFO_MAX];
    struct tmv_store_info proxied = *store;
    struct tmv_error err;

    proxy = proxy_start(store->conninfo);
    text_copy(proxied.conninfo, sizeof proxied.conninfo, proxy_conninfo(proxy, store->conninfo, text));
    assert_done(tmv_store_add(l.handle, &proxied, &err), &err);
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
    for (int64_t until = clock_now_us() + 60 * US_PER_S; !worker_is_stopped(pid); stop_sleep(NULL, US_PER_MS))
        assert_true(clock_now_us() < until);
    proxy_stall(proxy, PROXY_TO_CLIENT, true);
    worker_continue(pid);
    support_wait_until(*conn, "%s", committed);
    proxy_cut(proxy);
    proxy_stall(proxy, PROXY_TO_CLIENT, false);
    /* Decided or not: the engine finds out. What was not decided is asked for again. */
    life_wait_for("m.phase = 'completed' OR m.phase = 'dual_write' AND s.ready AND l.owner_epoch > 1");
    if (support_int(l.on_control, "SELECT count(*) FROM public.tenant_migrations WHERE phase = 'dual_write'"))
        life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    support_wait_until(l.on_target, "SELECT count(*) = 1 FROM tenantmv.fence WHERE state = 'open'");
    worker_end(pid);
    assert_int_equal(life_count(l.on_target), HISTORY + 20);
    life_assert_moved();
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

/* ---- a way that falls silent ---- */

/* Every connection through the proxy is as dead as behind a firewall that forgot it: nothing comes, nothing
 * is closed. New ones find another way. */
static void leaves_a_connection_that_fell_silent(void **state)
{
    struct tmv_store_info two_ways = l.source;
    char text[CLUSTER_CONNINFO_MAX], first[200], second[200];
    struct tmv_error err;

    (void)state;
    proxy = proxy_start(l.source.conninfo);
    assert_int_equal(sscanf(proxy_conninfo(proxy, l.source.conninfo, text), "host=%199s", first), 1);
    assert_int_equal(sscanf(l.source.conninfo, "host=%199s", second), 1);
    const char *port = strstr(text, "port=");
    const char *rest = strstr(l.source.conninfo, "user=");
    assert_true(port && rest);
    snprintf(two_ways.conninfo, sizeof two_ways.conninfo, "host=%s,%s port=%.*s,5432 %s", first, second,
             (int)strcspn(port + 5, " "), port + 5, rest);
    assert_done(tmv_store_add(l.handle, &two_ways, &err), &err);
    life_begin_and_wait_until_ready();
    assert_true(proxy_connections(proxy) > 0);
    proxy_refuse(proxy, true);
    proxy_stall(proxy, PROXY_TO_CLIENT, true);
    proxy_stall(proxy, PROXY_TO_SERVER, true);
    write_on(700, 20);
    life_wait_for("s.ready AND l.owner_epoch > 1 AND s.lag_events = 0");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    assert_int_equal(life_count(l.on_target), HISTORY + 20);
    life_assert_moved();
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(converges_after_the_source_and_control_restart, plain),
        CASE(converges_after_the_target_restarts, plain),
        CASE(converges_after_the_target_restarts, with_control_on_the_target_server),
        CASE(leaves_a_connection_that_fell_silent, plain),
#ifdef TMV_FAULT_POINTS
        CASE(finds_out_that_it_decided_when_the_answer_is_lost, plain),
        CASE(finds_out_that_the_target_was_armed_when_the_answer_is_lost, plain),
#endif
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

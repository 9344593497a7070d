/* The proxy does to connections what a test asks of it, with a real server behind it. */
#include "test.h"

#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/stop.h"
#include "support/proxy.h"
#include "support/support.h"

#define SHORT_US (300 * US_PER_MS)

static struct proxy *proxy;
static char direct[CLUSTER_CONNINFO_MAX], through[CLUSTER_CONNINFO_MAX];

static int prepare(void **state)
{
    (void)state;
    support_database(support_cluster("all", NULL), direct);
    proxy = proxy_start(direct);
    proxy_conninfo(proxy, direct, through);
    return 0;
}

static int end(void **state)
{
    (void)state;
    proxy_stop(proxy);
    return 0;
}

static bool ask(struct pgx_conn *conn, int64_t timeout_us, struct tmv_error *err)
{
    return pgx_query(conn, timeout_us, "SELECT 1", PGX_NONE, NULL, err);
}

static void passes_bytes_through_in_order(void **state)
{
    char tcp[CLUSTER_CONNINFO_MAX];
    const char *const ways[] = {through, proxy_tcp_conninfo(proxy, direct, tcp)};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pgx_conn *conn = support_connect(ways[i]);
        char *text = support_text(conn, "SELECT md5(string_agg(repeat(i::text, 100), '' ORDER BY i)) FROM "
                                        "generate_series(1, 5000) AS i");
        char *big = support_text(conn, "SELECT md5('%0300000d')", 7);

        assert_int_equal(
            support_int(conn,
                        "SELECT (md5(string_agg(repeat(i::text, 100), '' ORDER BY i)) = '%s')::int FROM "
                        "generate_series(1, 5000) AS i",
                        text),
            1);
        assert_int_equal(support_int(conn, "SELECT (md5(repeat('0', 299999) || '7') = '%s')::int", big), 1);
        free(text);
        free(big);
        pgx_close(conn);
    }
}

static void delays_each_direction(void **state)
{
    struct pgx_conn *conn = support_connect(through);
    struct tmv_error err;

    (void)state;
    proxy_delay(proxy, 50 * US_PER_MS);
    int64_t start = clock_now_us();
    assert_done(ask(conn, SUPPORT_TIMEOUT_US, &err), &err);
    assert_true(clock_now_us() - start >= 100 * US_PER_MS); /* what it is for, not how long it took */
    pgx_close(conn);
}

static void holds_a_direction_until_it_is_released(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct pgx_conn *conn = support_connect(through);
        struct pgx_conn *other = support_connect(through);
        struct tmv_error err;

        proxy_stall(proxy, (enum proxy_way)way, true);
        assert_fails(ask(conn, SHORT_US, &err), &err, TMV_ERR_TIMEOUT);
        assert_done(pgx_send(other, "SELECT 1", PGX_NONE, &err), &err);
        proxy_stall(proxy, (enum proxy_way)way, false);
        assert_done(pgx_receive(other, SUPPORT_TIMEOUT_US, NULL, &err), &err);
        pgx_close(conn);
        pgx_close(other);
    }
}

static void cuts_every_connection(void **state)
{
    struct pgx_conn *conn = support_connect(through);
    struct tmv_error err;

    (void)state;
    assert_int_equal(proxy_connections(proxy), 1);
    proxy_cut(proxy);
    assert_fails(ask(conn, SUPPORT_TIMEOUT_US, &err), &err, TMV_ERR_UNREACHABLE);
    assert_int_equal(proxy_connections(proxy), 0);
    pgx_close(conn);
    conn = support_connect(through);
    assert_done(ask(conn, SUPPORT_TIMEOUT_US, &err), &err);
    pgx_close(conn);
}

/* The server sees the end of what the client sends, ends the session, and its answers still arrive. */
static void half_closes_towards_the_server(void **state)
{
    struct pgx_conn *conn = support_connect(through);
    struct pgx_conn *watch = support_connect(direct);
    int pid = pgx_backend_pid(conn);
    struct tmv_error err;

    (void)state;
    proxy_half_close(proxy, PROXY_TO_SERVER);
    support_wait_until(watch, "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = %d", pid);
    assert_fails(ask(conn, SUPPORT_TIMEOUT_US, &err), &err, TMV_ERR_UNREACHABLE);
    pgx_close(conn);
    pgx_close(watch);
}

/* The client sees an end and knows nothing; the server goes on with what it was told. */
static void half_closes_towards_the_client(void **state)
{
    struct pgx_conn *conn = support_connect(through);
    struct pgx_conn *watch = support_connect(direct);
    struct tmv_error err;

    (void)state;
    support_sql(watch, "CREATE TABLE public.noted (n int)");
    proxy_half_close(proxy, PROXY_TO_CLIENT);
    assert_fails(
        pgx_query(conn, SUPPORT_TIMEOUT_US, "INSERT INTO public.noted VALUES (1)", PGX_NONE, NULL, &err),
        &err, TMV_ERR_UNREACHABLE);
    support_wait_until(watch, "SELECT count(*) = 1 FROM public.noted");
    pgx_close(conn);
    pgx_close(watch);
}

/* Nothing is closed and nothing comes; new connections work. */
static void silences_what_is_open(void **state)
{
    char tcp[CLUSTER_CONNINFO_MAX];
    const char *const ways[] = {through, proxy_tcp_conninfo(proxy, direct, tcp)};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct pgx_conn *conn = support_connect(ways[i]);
        struct tmv_error err;

        proxy_silence(proxy);
        assert_fails(ask(conn, SHORT_US, &err), &err, TMV_ERR_TIMEOUT);
        pgx_close(conn);
        conn = support_connect(ways[i]);
        assert_done(ask(conn, SUPPORT_TIMEOUT_US, &err), &err);
        pgx_close(conn);
    }
}

/* Over TCP nothing is acknowledged either: the client's system gives the connection up, long before the wait
 * would end. */
static void does_not_acknowledge_when_silent(void **state)
{
    char tcp[CLUSTER_CONNINFO_MAX];
    struct pgx_conn *conn = support_connect(proxy_tcp_conninfo(proxy, direct, tcp));
    struct tmv_error err;

    (void)state;
    proxy_silence(proxy);
    assert_fails(ask(conn, SUPPORT_TIMEOUT_US, &err), &err, TMV_ERR_UNREACHABLE);
    pgx_close(conn);
}

static void refuses_new_connections(void **state)
{
    struct pgx_options options = {.conninfo = through, .part = "test"};
    struct pgx_conn *conn = NULL;
    struct tmv_error err;

    (void)state;
    proxy_refuse(proxy, true);
    assert_fails(pgx_connect(&options, &conn, &err), &err, TMV_ERR_UNREACHABLE);
    proxy_refuse(proxy, false);
    assert_done(pgx_connect(&options, &conn, &err), &err);
    pgx_close(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(passes_bytes_through_in_order, prepare, end),
        cmocka_unit_test_setup_teardown(delays_each_direction, prepare, end),
        cmocka_unit_test_setup_teardown(holds_a_direction_until_it_is_released, prepare, end),
        cmocka_unit_test_setup_teardown(cuts_every_connection, prepare, end),
        cmocka_unit_test_setup_teardown(half_closes_towards_the_server, prepare, end),
        cmocka_unit_test_setup_teardown(half_closes_towards_the_client, prepare, end),
        cmocka_unit_test_setup_teardown(silences_what_is_open, prepare, end),
        cmocka_unit_test_setup_teardown(does_not_acknowledge_when_silent, prepare, end),
        cmocka_unit_test_setup_teardown(refuses_new_connections, prepare, end),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

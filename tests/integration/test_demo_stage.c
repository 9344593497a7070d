/* The demo's scenery: what the tenants' histories look like, and that nothing of it stays. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "demo/stage.h"
#include "support/support.h"
#include "test.h"

#define EVENTS 3000
#define TENANTS 4

static void shares_out_every_event(void **state)
{
    static const struct {
        int64_t total;
        size_t count;
    } cases[] = {{0, 3}, {1, 3}, {2, 100}, {100, 100}, {1000000, 20}, {1, 1}, {100000000, 100}, {99, 7}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t sizes[DEMO_TENANTS_MAX], sum = 0;

        stage_share_out(cases[i].total, cases[i].count, sizes);
        for (size_t k = 0; k < cases[i].count; k++) {
            assert_true(sizes[k] >= (cases[i].total >= (int64_t)cases[i].count ? 1 : 0));
            assert_true(k == 0 || sizes[k] <= sizes[0]);
            sum += sizes[k];
        }
        assert_int_equal(sum, cases[i].total);
    }
}

static void looks_like_a_business(void **state)
{
    struct demo_options options;
    struct stage stage;
    struct tmv_store_info store;
    struct tmv_error err = {0};
    struct pgx_conn *conn;
    char path[256];
    struct stat st;

    (void)state;
    demo_options_default(true, &options);
    options.events = EVENTS;
    options.tenants = TENANTS;
    assert_done(stage_open(&options, -1, NULL, &stage, &err), &err);
    conn = support_connect(stage.control);
    assert_int_equal(support_int(conn, "SELECT count(*) FROM public.events"), EVENTS);
    assert_int_equal(support_int(conn, "SELECT count(DISTINCT tenant_id) FROM public.events"), TENANTS);
    assert_true(support_int(conn, "SELECT count(DISTINCT event_type) FROM public.events") > 12);
    /* every event says what eventsource-py's say, and the first of a stream says most */
    assert_true(support_int(conn, "SELECT min(length(payload::text)) FROM public.events") > 400);
    assert_true(support_int(conn, "SELECT min(length(payload::text)) FROM public.events WHERE version = 1") >
                700);
    /* streams start at 1 and have no gap in order of position, and belong to one tenant */
    assert_int_equal(
        support_int(conn, "SELECT count(*) FROM (SELECT version, row_number() OVER (PARTITION BY "
                          "aggregate_id, aggregate_type ORDER BY global_position) AS n FROM public.events) "
                          "AS x WHERE version <> n"),
        0);
    assert_int_equal(
        support_int(conn, "SELECT count(*) FROM (SELECT FROM public.events GROUP BY aggregate_id HAVING "
                          "count(DISTINCT tenant_id) > 1) AS x"),
        0);
    assert_int_equal(
        support_int(conn, "SELECT count(*) FROM public.events WHERE payload->>'event_id' <> event_id::text "
                          "OR (payload->>'aggregate_version')::int <> version "
                          "OR payload->>'tenant_id' <> tenant_id::text"),
        0);
    /* tenants are interleaved, so that a copy has something to filter */
    assert_true(support_int(conn,
                            "SELECT count(*) FROM (SELECT tenant_id, lag(tenant_id) OVER (ORDER BY "
                            "global_position) AS before FROM public.events) AS x WHERE tenant_id <> before") >
                EVENTS / 10);
    /* filling in dropped the indexes; they must be back, and the helper table gone */
    assert_int_equal(support_int(conn, "SELECT count(*) FROM pg_tables WHERE tablename = 'demo_index'"), 0);
    int64_t indexes =
        support_int(conn, "SELECT count(*) FROM pg_index WHERE indrelid = 'public.events'::regclass");
    pgx_close(conn);
    stage_store(&stage, &stage.tenants[1], &store);
    conn = support_connect(store.conninfo);
    assert_int_equal(
        support_int(conn, "SELECT count(*) FROM pg_index WHERE indrelid = 'public.events'::regclass"),
        indexes);
    assert_int_equal(support_int(conn, "SELECT count(*) FROM public.events"), 0);
    pgx_close(conn);
    strcpy(path, workspace_path(stage.workspace));
    stage_close(&stage);
    assert_int_equal(stat(path, &st), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_out_every_event),
        cmocka_unit_test(looks_like_a_business),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

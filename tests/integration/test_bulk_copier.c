/* The bulk copy between real servers: every event arrives as it was, once, whatever is killed on the way. */
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/stop.h"
#include "support/copy_bed.h"

/* ---- what is copied ---- */

static void copies_between(bool source_partitioned, bool target_partitioned)
{
    const struct copy_bed_options o = {.partitioned = {source_partitioned, target_partitioned}};
    struct copy_bed bed;

    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 5000);
    support_sql(bed.conn[SOURCE],
                "INSERT INTO public.events SELECT 15001, gen_random_uuid(), gen_random_uuid(), 'Big', 'Big', "
                "'%s', NULL,"
                " 1, '2025-12-31Z', jsonb_build_object('big', repeat('0123456789abcdef', 65536)), now()",
                COPY_BED_TENANT);
    copy_bed_copy_all(&bed);
    copy_bed_assert_copied(&bed);
    copy_bed_close(&bed);
}

static void copies_plain_to_plain(void **state)
{
    (void)state;
    copies_between(false, false);
}

static void copies_partitioned_to_plain(void **state)
{
    (void)state;
    copies_between(true, false);
}

static void copies_plain_to_partitioned(void **state)
{
    (void)state;
    copies_between(false, true);
}

static void copies_a_tenant_with_hardly_any_events(void **state)
{
    const struct copy_bed_options o = {.tenant = COPY_BED_RARE};
    struct copy_bed bed;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 30000);
    copy_bed_copy_all(&bed);
    assert_int_equal(support_int(bed.conn[TARGET], "SELECT count(*) FROM public.events"), 30);
    copy_bed_assert_copied(&bed);
    copy_bed_close(&bed);
}

/* In ranges, and yet without a look at the other tenants' events in each. */
static void passes_over_no_others_for_a_small_tenant(void **state)
{
    const struct copy_bed_options o = {.tenant = COPY_BED_OTHER};
    struct copy_bed bed;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 30000);
    support_sql(bed.conn[SOURCE], "ANALYZE public.events");
    bed.settings.batch_size = 1000;
    copy_bed_copy_all(&bed);
    copy_bed_assert_copied(&bed);
    assert_true(support_int(bed.conn[TARGET], "SELECT count(*) FROM tenantmv.copied_range") > 1);
    assert_in_range(support_int(bed.conn[SOURCE], "SELECT idx_tup_fetch FROM pg_stat_user_tables "
                                                  "WHERE relid = 'public.events'::regclass"),
                    2900, 15000);
    copy_bed_close(&bed);
}

static void copies_a_tenant_without_events(void **state)
{
    const struct copy_bed_options o = {.tenant = "00000000-0000-4000-8000-000000000009"};
    struct copy_bed bed;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_copy_all(&bed); /* limit 0: a source without any event */
    copy_bed_fill(&bed, 100);
    copy_bed_copy_all(&bed);
    assert_int_equal(support_int(bed.conn[TARGET], "SELECT count(*) FROM public.events"), 0);
    copy_bed_close(&bed);
}

static void stops_copying_at_the_limit(void **state)
{
    const struct copy_bed_options o = {0};
    struct copy_bed bed;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 1000);
    bed.options.limit = 1500;
    copy_bed_copy_all(&bed);
    assert_int_equal(support_int(bed.conn[TARGET], "SELECT max(global_position) FROM public.events"), 1497);
    copy_bed_assert_copied(&bed);
    copy_bed_close(&bed);
}

static void leaves_out_columns_that_one_side_lacks(void **state)
{
    const struct copy_bed_options o = {
        .changes = {"ALTER TABLE events ADD only_here int DEFAULT 5, ADD on_both text DEFAULT 'x'",
                    "ALTER TABLE events ADD on_both text, ADD only_there text DEFAULT 'filled',"
                    " ADD made int GENERATED ALWAYS AS (version + 1) STORED"}};
    const struct tmv_names left = {{"only_here"}};
    struct copy_bed bed;

    (void)state;
    copy_bed_open(&bed, &o);
    store_shape_leave(&bed.endpoints.source, &left); /* as preflight has it accepted */
    copy_bed_fill(&bed, 500);
    copy_bed_copy_all(&bed);
    copy_bed_assert_copied(&bed);
    assert_int_equal(support_int(bed.conn[TARGET],
                                 "SELECT count(*) FROM public.events"
                                 " WHERE on_both = 'x' AND only_there = 'filled' AND made = version + 1"
                                 " AND txid IS NULL"),
                     450);
    copy_bed_close(&bed);
}

static void leaves_the_transaction_id_to_its_default_where_it_may_not_be_null(void **state)
{
    const struct copy_bed_options o = {.changes = {NULL, "ALTER TABLE events ALTER txid SET NOT NULL"}};
    struct copy_bed bed;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 100);
    copy_bed_copy_all(&bed);
    copy_bed_assert_copied(&bed);
    copy_bed_close(&bed);
}

/* A transaction id is known by its type and default: what only bears its name is data. */
static void copies_a_column_that_is_a_transaction_id_by_name_only(void **state)
{
    static const char sum[] = "SELECT sum(txid) FROM public.events WHERE tenant_id = '" COPY_BED_TENANT "'";
    static const char change[] =
        "ALTER TABLE events DROP txid; ALTER TABLE events ADD txid bigint DEFAULT 7, "
        "ADD written_by xid8 DEFAULT pg_current_xact_id()";
    const struct copy_bed_options o = {.changes = {change, change}};
    struct copy_bed bed;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 100);
    support_sql(bed.conn[SOURCE], "UPDATE public.events SET txid = global_position");
    copy_bed_copy_all(&bed);
    copy_bed_assert_copied(&bed);
    assert_int_equal(support_int(bed.conn[TARGET], sum), support_int(bed.conn[SOURCE], sum));
    assert_int_equal(support_int(bed.conn[TARGET], "SELECT count(written_by) FROM public.events"), 0);
    copy_bed_close(&bed);
}

static void never_lowers_the_sequence_of_the_target(void **state)
{
    const struct copy_bed_options o = {0};
    struct copy_bed bed;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 100);
    support_sql(bed.conn[TARGET], "SELECT setval('public.events_global_position_seq', 5000)");
    copy_bed_copy_all(&bed);
    assert_int_equal(support_int(bed.conn[TARGET], "SELECT nextval('public.events_global_position_seq')"),
                     5001);
    copy_bed_close(&bed);
}

/* ---- stopping and going on ---- */

static void goes_on_after_a_pause(void **state)
{
    const struct copy_bed_options o = {0};
    struct copy_seen seen = {.stop_after = 1000};
    struct copy_bed bed;
    struct tmv_error err = {0};
    bool finished = true;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 30000);
    bed.settings.max_bulk_copy_rate = 5000;
    assert_done(copy_bed_run(&bed, &seen, &finished, &err), &err);
    assert_false(finished);
    int64_t first = support_int(bed.conn[TARGET], "SELECT count(*) FROM public.events");
    assert_true(first >= 1000 && first < 26000);
    bed.settings.max_bulk_copy_rate = 0;
    bed.settings.batch_size = 777; /* cut elsewhere than before */
    copy_bed_copy_all(&bed);
    copy_bed_assert_copied(&bed);
    copy_bed_close(&bed);
}

/* It may be a pause: what comes after the last chunk is left for later. */
static void is_not_finished_when_told_to_stop_after_the_last_chunk(void **state)
{
    const struct copy_bed_options o = {0};
    struct copy_seen seen = {.stop_at_step = "gathering statistics"};
    struct copy_bed bed;
    struct tmv_error err = {0};
    bool finished = true;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 2000);
    assert_done(copy_bed_run(&bed, &seen, &finished, &err), &err);
    assert_false(finished);
    copy_bed_copy_all(&bed);
    copy_bed_assert_copied(&bed);
    copy_bed_close(&bed);
}

/* No chunk is waited for: one of them is behind a lock that nobody gives back. */
static void breaks_off_what_is_under_way(void **state)
{
    const struct copy_bed_options o = {0};
    struct copy_seen seen = {.stop_at_step = "copying history", .break_off = true};
    struct copy_bed bed;
    struct tmv_error err = {0};
    bool finished = true;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 2000);
    struct pgx_conn *holder = support_connect(bed.endpoints.target_store.conninfo);
    support_sql(holder, "BEGIN; LOCK public.events IN SHARE MODE");
    assert_done(copy_bed_run(&bed, &seen, &finished, &err), &err);
    assert_false(finished);
    support_sql(holder, "ROLLBACK");
    pgx_close(holder);
    copy_bed_copy_all(&bed);
    copy_bed_assert_copied(&bed);
    copy_bed_close(&bed);
}

static void ends_when_the_engine_stops(void **state)
{
    const struct copy_bed_options o = {0};
    struct stop stop;
    struct copy_seen seen = {0};
    struct copy_bed bed;
    struct tmv_error err = {0};
    bool finished = true;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 2000);
    assert_done(stop_init(&stop, &err), &err);
    bed.endpoints.stop = &stop;
    stop_raise(&stop);
    assert_fails(copy_bed_run(&bed, &seen, &finished, &err), &err, TMV_ERR_CANCELLED);
    stop_clear(&stop);
    copy_bed_copy_all(&bed);
    copy_bed_assert_copied(&bed);
    bed.endpoints.stop = NULL;
    stop_release(&stop);
    copy_bed_close(&bed);
}

/* Keeps the target's table locked until the copy has given a chunk up and another session waits too. */
struct blocker {
    pthread_t thread;
    struct pgx_conn *conn, *watch;
    bool asked_again;
};

static void *block(void *arg)
{
    struct blocker *b = arg;
    int64_t until = clock_now_us() + COPY_BED_WAIT_US;

    while (!b->asked_again && clock_now_us() < until) {
        b->asked_again = support_int(b->watch, "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode "
                                               "= 'RowExclusiveLock' AND locktype = 'relation'") > 1;
        stop_sleep(NULL, 5 * US_PER_MS);
    }
    support_sql(b->conn, "COMMIT");
    return NULL;
}

static void cuts_a_chunk_in_two_that_takes_too_long(void **state)
{
    const struct copy_bed_options o = {0};
    struct blocker blocker = {0};
    struct copy_bed bed;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 5000);
    bed.settings.copy_workers = 1;
    bed.options.snapshot_max_us = 200 * US_PER_MS;
    blocker.conn = support_connect(bed.endpoints.target_store.conninfo);
    support_sql(blocker.conn, "BEGIN; LOCK TABLE public.events IN SHARE MODE");
    blocker.watch = support_connect(bed.endpoints.target_store.conninfo);
    assert_int_equal(pthread_create(&blocker.thread, NULL, block, &blocker), 0);
    copy_bed_copy_all(&bed);
    pthread_join(blocker.thread, NULL);
    assert_true(blocker.asked_again);
    copy_bed_assert_copied(&bed);
    pgx_close(blocker.conn);
    pgx_close(blocker.watch);
    copy_bed_close(&bed);
}

/* A port on which nobody listens. */
static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* In a child, which the caller ends. */
static pid_t start_copy(struct copy_bed *bed)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct copy_seen seen = {0};
        struct tmv_error err;
        bool finished;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!tmv_control_open(bed->control_conninfo, &bed->control, &err) ||
            !copy_bed_run(bed, &seen, &finished, &err))
            fprintf(stderr, "%s\n", err.message);
        _exit(4);
    }
    return child;
}

/* The target does not take what the source sends, and then the engine itself stands still: over TCP the
 * source ends the range by itself. */
static void an_engine_that_stands_still_holds_no_snapshot(void **state)
{
    char port[20];
    const char *settings[] = {"listen_addresses=127.0.0.1", port, NULL};
    const struct copy_bed_options o = {.source_alone = settings};
    struct pgx_conn *blocker;
    struct copy_bed bed;

    (void)state;
    snprintf(port, sizeof port, "port=%d", free_port());
    copy_bed_open(&bed, &o);
    support_sql(
        bed.conn[SOURCE],
        "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, "
        "version, timestamp, payload) SELECT gen_random_uuid(), gen_random_uuid(), 'S', 'E', '%s', 1, "
        "now(), jsonb_build_object('x', repeat('x', 9000) || n) FROM generate_series(1, 6000) n",
        bed.endpoints.tenant);
    snprintf(bed.endpoints.source_store.conninfo, sizeof bed.endpoints.source_store.conninfo,
             "host=127.0.0.1 %s user=%s dbname=%s", port, pgx_user(bed.conn[SOURCE]),
             pgx_database(bed.conn[SOURCE]));
    bed.settings.copy_workers = 1;
    bed.settings.batch_size = 6000;
    bed.options.limit = 10000;
    bed.options.snapshot_max_us = 3 * US_PER_S;
    bed.settings.keep_indexes = true; /* so that the first row waits for the blocker's */
    blocker = support_connect(bed.endpoints.target_store.conninfo);
    AUTO_FREE char *first =
        support_text(bed.conn[SOURCE], "SELECT event_id FROM public.events ORDER BY global_position LIMIT 1");
    support_sql(
        blocker,
        "BEGIN; INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, "
        "version, timestamp, payload) VALUES ('%s', gen_random_uuid(), 'S', 'E', '%s', 1, now(), '{}')",
        first, bed.endpoints.tenant);
    pid_t child = start_copy(&bed);
    support_wait_until(bed.conn[SOURCE], "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name "
                                         "LIKE 'tenantmv/copy%%' AND wait_event = 'ClientWrite'");
    assert_int_equal(kill(child, SIGSTOP), 0);
    support_wait_until(bed.conn[SOURCE], "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name "
                                         "LIKE 'tenantmv/copy%%' AND backend_xmin IS NOT NULL");
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    pgx_close(blocker);
    copy_bed_close(&bed);
}

static void goes_on_after_a_kill(void **state)
{
    const struct copy_bed_options o = {0};
    struct copy_seen seen = {.kill_after = 2000};
    struct copy_bed bed;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 30000);
    bed.settings.max_bulk_copy_rate = 5000;
    copy_bed_run_and_be_killed(&bed, &seen, NULL);
    assert_true(support_int(bed.conn[TARGET], "SELECT count(*) FROM tenantmv.copied_range") >= 2);
    bed.settings.max_bulk_copy_rate = 0;
    copy_bed_copy_all(&bed);
    copy_bed_assert_copied(&bed);
    copy_bed_close(&bed);
}

static void refuses_when_another_engine_has_taken_over(void **state)
{
    const struct copy_bed_options o = {0};
    struct copy_seen seen = {0};
    struct copy_bed bed;
    struct tmv_error err = {0};
    bool finished;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 100);
    support_sql(bed.conn[TARGET], "UPDATE tenantmv.applied SET owner_epoch = owner_epoch + 1");
    assert_fails(copy_bed_run(&bed, &seen, &finished, &err), &err, TMV_ERR_OWNERSHIP);
    assert_int_equal(support_int(bed.conn[TARGET], "SELECT count(*) FROM public.events"), 0);
    copy_bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_plain_to_plain),
        cmocka_unit_test(copies_partitioned_to_plain),
        cmocka_unit_test(copies_plain_to_partitioned),
        cmocka_unit_test(copies_a_tenant_with_hardly_any_events),
        cmocka_unit_test(passes_over_no_others_for_a_small_tenant),
        cmocka_unit_test(copies_a_tenant_without_events),
        cmocka_unit_test(stops_copying_at_the_limit),
        cmocka_unit_test(leaves_out_columns_that_one_side_lacks),
        cmocka_unit_test(leaves_the_transaction_id_to_its_default_where_it_may_not_be_null),
        cmocka_unit_test(copies_a_column_that_is_a_transaction_id_by_name_only),
        cmocka_unit_test(never_lowers_the_sequence_of_the_target),
        cmocka_unit_test(goes_on_after_a_pause),
        cmocka_unit_test(is_not_finished_when_told_to_stop_after_the_last_chunk),
        cmocka_unit_test(breaks_off_what_is_under_way),
        cmocka_unit_test(ends_when_the_engine_stops),
        cmocka_unit_test(cuts_a_chunk_in_two_that_takes_too_long),
        cmocka_unit_test(an_engine_that_stands_still_holds_no_snapshot),
        cmocka_unit_test(goes_on_after_a_kill),
        cmocka_unit_test(refuses_when_another_engine_has_taken_over),
    };

    cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

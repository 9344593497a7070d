/* The router when answers get lost, and its mirrors: what it tells its callers is what the stores hold. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "support/replica.h"
#include "support/router_bed.h"

/* ---- lost answers ---- */

/* Lets the router connect and prepare its statements, of one event and of several, so that what is blocked
 * next is the append itself. */
static void make_ready(struct router_bed *bed)
{
    struct tmv_stream other = bed->stream;
    struct tmv_new_event events[] = {router_bed_event(), router_bed_event(), router_bed_event()};
    struct tmv_append_result result;
    struct tmv_error err = {0};

    other.aggregate = tmv_uuid_random();
    assert_done(tmv_router_append(bed->router, &(struct tmv_append){&other, 0, events, 1}, &result, &err),
                &err);
    assert_done(tmv_router_append(bed->router, &(struct tmv_append){&other, 1, events + 1, 2}, &result, &err),
                &err);
    support_sql(bed->a, "DELETE FROM public.events");
}

/* Blocks appends on the first store inside their transaction until it is released. */
static struct pgx_conn *block_appends(struct router_bed *bed)
{
    struct pgx_conn *blocker = support_connect(bed->a_info.conninfo);

    support_sql(blocker, "BEGIN; LOCK TABLE public.events IN SHARE MODE");
    return blocker;
}

static const char *const router_waits_for_a_lock =
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = 'tenantmv/router' AND wait_event_type = 'Lock')";

/* Ends the router's sessions and returns when they are gone. */
static void end_router_sessions(struct pgx_conn *conn)
{
    char *pids = support_text(
        conn, "SELECT array_agg(pid)::text FROM pg_stat_activity WHERE datname = current_database()"
              " AND application_name = 'tenantmv/router'");

    support_sql(conn, "SELECT pg_terminate_backend(pid) FROM unnest('%s'::int[]) AS pid", pids);
    support_wait_until(conn, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ANY ('%s'::int[]))",
                       pids);
    free(pids);
}

static void repeats_an_append_that_did_not_happen(void **state)
{
    struct router_bed bed;
    struct router_writer writer;
    struct pgx_conn *blocker;

    (void)state;
    router_bed_open(&bed);
    make_ready(&bed);
    blocker = block_appends(&bed);
    router_bed_start(&writer, &bed, 3, 0);
    support_wait_until(bed.a, router_waits_for_a_lock);
    end_router_sessions(bed.a);
    support_wait_until(bed.a, router_waits_for_a_lock); /* the repetition */
    support_sql(blocker, "COMMIT");
    pthread_join(writer.thread, NULL);
    assert_done(writer.ok, &writer.err);
    assert_int_equal(writer.result.version, 3);
    assert_true(writer.result.retries > 0);
    assert_int_equal(router_bed_count(bed.a), 3);
    pgx_close(blocker);
    router_bed_close(&bed);
}

static void finds_an_append_that_happened_although_its_answer_was_lost(void **state)
{
    static const int64_t expectations[] = {0, TMV_EXPECT_ANY, TMV_EXPECT_NO_STREAM};

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(expectations); i++) {
        struct router_bed bed;
        struct router_writer writer;

        router_bed_stores(&bed, i % 2);
        router_bed_router(&bed, (struct tmv_router_options){0});
        /* A commit that waits for a standby which never comes is durable here already; ending the session
         * then loses the answer and nothing else. */
        support_sql(bed.a, "SET synchronous_commit = local");
        replica_require(bed.a_info.conninfo, "nobody");
        router_bed_start(&writer, &bed, 3, expectations[i / 2]);
        support_wait_until(bed.a,
                           "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                           " AND datname = current_database() AND application_name = 'tenantmv/router')");
        end_router_sessions(bed.a);
        pthread_join(writer.thread, NULL);
        replica_require(bed.a_info.conninfo, NULL);
        assert_done(writer.ok, &writer.err);
        assert_int_equal(writer.result.version, 3);
        assert_true(writer.result.retries > 0);
        assert_int_equal(router_bed_count(bed.a), 3);
        assert_int_equal(writer.result.position,
                         support_int(bed.a, "SELECT min(global_position) FROM public.events"));
        router_bed_close(&bed);
    }
}

static void follows_a_lost_append_to_the_new_home(void **state)
{
    struct router_bed bed;
    struct router_writer writer;
    struct pgx_conn *blocker;

    (void)state;
    router_bed_open(&bed);
    make_ready(&bed);
    router_bed_discover(&bed);
    router_bed_guard(&bed, bed.a, &bed.a_shape, FENCE_OPEN);
    router_bed_guard(&bed, bed.b, &bed.b_shape, FENCE_OPEN);
    blocker = block_appends(&bed);
    router_bed_start(&writer, &bed, 2, 0);
    support_wait_until(bed.a, router_waits_for_a_lock);
    /* The append had happened, and the move took it along, before its answer was lost. */
    char id[2][TMV_UUID_TEXT], aggregate[TMV_UUID_TEXT];
    for (int i = 0; i < 2; i++)
        support_sql(
            bed.b,
            "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id,"
            " version, \"timestamp\", payload) VALUES ('%s', '%s', 'Order', 'OrderPlaced', '%s', %d,"
            " now(), '{}')",
            tmv_uuid_format(&writer.events[i].id, id[i]), tmv_uuid_format(&bed.stream.aggregate, aggregate),
            bed.tenant, i + 1);
    router_bed_fence(&bed, bed.a, "moved", ROUTER_BED_PLACEMENT, "dedicated");
    end_router_sessions(bed.a);
    support_sql(blocker, "COMMIT");
    pthread_join(writer.thread, NULL);
    assert_done(writer.ok, &writer.err);
    assert_string_equal(writer.result.store_id, "dedicated");
    assert_int_equal(writer.result.version, 2);
    assert_int_equal(router_bed_count(bed.a), 0);
    assert_int_equal(router_bed_count(bed.b), 2);
    pgx_close(blocker);
    router_bed_close(&bed);
}

static void claims_no_more_than_a_refusal_proves(void **state)
{
    char aggregate[TMV_UUID_TEXT];

    (void)state;
    for (int partitioned = 0; partitioned < 2; partitioned++) {
        /* In a partitioned table a version can be there twice, at two times: the first try might still
         * commit. */
        enum tmv_code expected = partitioned ? TMV_ERR_UNKNOWN : TMV_ERR_VERSION;
        struct router_bed bed;
        struct router_writer writer;
        struct pgx_conn *blocker;

        router_bed_stores(&bed, partitioned);
        router_bed_router(&bed, (struct tmv_router_options){0});
        make_ready(&bed);
        blocker = block_appends(&bed);
        router_bed_start(&writer, &bed, 1, 0);
        support_wait_until(bed.a, router_waits_for_a_lock);
        end_router_sessions(bed.a);
        support_wait_until(bed.a, router_waits_for_a_lock);
        support_sql(blocker,
                    "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, "
                    "tenant_id, version,"
                    " \"timestamp\", payload) VALUES (gen_random_uuid(), '%s', 'Order', 'Other', '%s', 1, "
                    "now(), '{}');"
                    "COMMIT",
                    tmv_uuid_format(&bed.stream.aggregate, aggregate), bed.tenant);
        pthread_join(writer.thread, NULL);
        assert_fails(writer.ok, &writer.err, expected);
        assert_int_equal(router_bed_count(bed.a), 1);
        pgx_close(blocker);
        router_bed_close(&bed);
    }
}

static void says_unknown_while_the_store_stays_away(void **state)
{
    struct router_bed bed;
    struct router_writer writer;
    struct pgx_conn *blocker, *other;

    (void)state;
    router_bed_stores(&bed, false);
    router_bed_router(&bed, (struct tmv_router_options){.timeout_us = 400 * US_PER_MS});
    other = support_connect(bed.control);
    make_ready(&bed);
    blocker = block_appends(&bed);
    router_bed_start(&writer, &bed, 1, 0);
    support_wait_until(bed.a, router_waits_for_a_lock);
    support_sql(other, "ALTER DATABASE %s ALLOW_CONNECTIONS false", pgx_database(bed.a));
    end_router_sessions(bed.a);
    pthread_join(writer.thread, NULL);
    assert_false(writer.ok);
    if (writer.err.code != TMV_ERR_UNKNOWN)
        fail_msg("%s: %s", tmv_code_name(writer.err.code), writer.err.message);
    assert_true(writer.err.hint[0]);
    pgx_close(blocker);
    pgx_close(other);
    router_bed_close(&bed);
}

static void replaces_connections_that_died_while_idle(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};
    int64_t version;

    (void)state;
    router_bed_open(&bed);
    assert_done(router_bed_append(&bed, 0, &result, &err), &err);
    end_router_sessions(bed.a);
    assert_done(router_bed_append(&bed, 1, &result, &err), &err);
    end_router_sessions(bed.a);
    assert_done(tmv_router_stream_version(bed.router, &bed.stream, &version, &err), &err);
    assert_int_equal(version, 2);
    assert_int_equal(router_bed_count(bed.a), 2);
    router_bed_close(&bed);
}

static void reports_real_duplicates(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_new_event event = router_bed_event();
    struct tmv_error err = {0};

    (void)state;
    router_bed_open(&bed);
    assert_done(tmv_router_append(bed.router, &(struct tmv_append){&bed.stream, 0, &event, 1}, &result, &err),
                &err);
    assert_fails(
        tmv_router_append(bed.router, &(struct tmv_append){&bed.stream, 1, &event, 1}, &result, &err), &err,
        TMV_ERR_DUPLICATE);
    router_bed_close(&bed);
}

/* ---- dual write ---- */

static void begin_dual_write(struct router_bed *bed, struct tmv_uuid *ret_migration)
{
    char migration[TMV_UUID_TEXT];
    struct guard guard;

    support_sql(
        bed->a,
        "ALTER TABLE public.events ADD COLUMN token uuid DEFAULT gen_random_uuid(), ADD COLUMN here int");
    support_sql(bed->b, "ALTER TABLE public.events ADD COLUMN token uuid, ADD COLUMN there text DEFAULT 'x'");
    router_bed_discover(bed);
    guard = router_bed_guard(bed, bed->b, &bed->b_shape, FENCE_CLOSED);
    *ret_migration = guard.migration;
    tmv_uuid_format(ret_migration, migration);
    support_sql(
        bed->control_conn,
        "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase)"
        " VALUES ('%s', '%s', 'shared', 'dedicated', 'dual_write');"
        "UPDATE public.tenant_routing SET migration_state = 'dual_write', active_migration_id = '%s'",
        migration, bed->tenant, migration);
    support_sql(bed->b,
                "INSERT INTO tenantmv.applied (migration_id, tenant_id, owner_epoch, state, events_table)"
                " VALUES ('%s', '%s', %d, 'mirroring', 'public.events')",
                migration, bed->tenant, ROUTER_BED_OWNER_EPOCH);
    router_bed_router(bed, (struct tmv_router_options){.dual_write = true});
}

static void mirrors_events_with_the_same_values_and_positions(void **state)
{
    static const char *const all =
        "SELECT jsonb_agg(to_jsonb(e) - 'txid' - 'here' - 'there' ORDER BY global_position)::text"
        " FROM public.events e";
    struct router_bed bed;
    struct tmv_uuid migration;
    struct router_writer writer;
    struct tmv_router_stats stats;
    char *source, *target;

    (void)state;
    for (int partitioned = 0; partitioned < 2; partitioned++) {
        router_bed_stores(&bed, partitioned);
        begin_dual_write(&bed, &migration);
        support_sql(bed.a, "SELECT setval('public.events_global_position_seq', 1000)");
        router_bed_start(&writer, &bed, 3, 0);
        pthread_join(writer.thread, NULL);
        assert_done(writer.ok, &writer.err);
        tmv_router_get_stats(bed.router, &stats);
        assert_int_equal(stats.dual_writes, 1);
        assert_int_equal(stats.dual_write_failures, 0);
        source = support_text(bed.a, "%s", all);
        target = support_text(bed.b, "%s", all);
        assert_string_equal(source, target);
        assert_int_equal(support_int(bed.b, "SELECT min(global_position) FROM public.events"), 1001);
        assert_int_equal(support_int(bed.b, "SELECT count(*) FROM public.events WHERE there = 'x'"), 3);
        assert_int_equal(support_int(bed.b, "SELECT count(txid) FROM public.events"), 0);
        free(source);
        free(target);
        router_bed_close(&bed);
    }
}

static void mirrors_nothing_after_an_abort_or_a_change_of_owner(void **state)
{
    static const char *const changes[] = {"state = 'undoing'", "owner_epoch = owner_epoch + 1",
                                          "tenant_id = gen_random_uuid()"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct router_bed bed;
        struct tmv_uuid migration;
        struct tmv_append_result result;
        struct tmv_router_stats stats;
        struct tmv_error err = {0};

        router_bed_stores(&bed, false);
        begin_dual_write(&bed, &migration);
        assert_done(router_bed_append(&bed, 0, &result, &err), &err);
        assert_int_equal(router_bed_count(bed.b), 1);
        support_sql(bed.b, "UPDATE tenantmv.applied SET %s", changes[i]);
        /* A new owner raises its row too, so that the guard alone would let the mirror pass. */
        support_sql(bed.b, "UPDATE tenantmv.owner o SET owner_epoch = a.owner_epoch FROM tenantmv.applied a");
        assert_done(router_bed_append(&bed, 1, &result, &err), &err);
        assert_string_equal(result.store_id, "shared");
        tmv_router_get_stats(bed.router, &stats);
        assert_int_equal(stats.dual_writes, 1);
        assert_int_equal(stats.dual_write_failures, 1);
        assert_int_equal(router_bed_count(bed.a), 2);
        assert_int_equal(router_bed_count(bed.b), 1);
        router_bed_close(&bed);
    }
}

static void writes_on_when_the_target_is_away(void **state)
{
    struct router_bed bed;
    struct tmv_uuid migration;
    struct tmv_append_result result;
    struct tmv_router_stats stats;
    struct tmv_error err = {0};

    (void)state;
    router_bed_stores(&bed, false);
    begin_dual_write(&bed, &migration);
    support_sql(bed.a, "ALTER DATABASE %s ALLOW_CONNECTIONS false", pgx_database(bed.b));
    for (int64_t i = 0; i < 5; i++)
        assert_done(router_bed_append(&bed, i, &result, &err), &err);
    tmv_router_get_stats(bed.router, &stats);
    assert_int_equal(stats.dual_writes, 0);
    assert_true(stats.dual_write_failures >= 1);
    assert_int_equal(router_bed_count(bed.a), 5);
    router_bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_an_append_that_did_not_happen),
        cmocka_unit_test(finds_an_append_that_happened_although_its_answer_was_lost),
        cmocka_unit_test(follows_a_lost_append_to_the_new_home),
        cmocka_unit_test(claims_no_more_than_a_refusal_proves),
        cmocka_unit_test(says_unknown_while_the_store_stays_away),
        cmocka_unit_test(replaces_connections_that_died_while_idle),
        cmocka_unit_test(reports_real_duplicates),
        cmocka_unit_test(mirrors_events_with_the_same_values_and_positions),
        cmocka_unit_test(mirrors_nothing_after_an_abort_or_a_change_of_owner),
        cmocka_unit_test(writes_on_when_the_target_is_away),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

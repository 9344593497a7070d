/* The router on real servers: routes, held and moved writes. The guard that answers is the real one. */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "support/router_bed.h"

/* ---- routes ---- */

static void writes_and_reads_where_the_route_says(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_event_list list;
    struct tmv_error err = {0};
    int64_t version;
    bool exists;

    (void)state;
    router_bed_open(&bed);
    assert_done(router_bed_append(&bed, TMV_EXPECT_NO_STREAM, &result, &err), &err);
    assert_string_equal(result.store_id, "shared");
    assert_int_equal(result.version, 1);
    assert_int_equal(result.position, support_int(bed.a, "SELECT max(global_position) FROM public.events"));
    assert_int_equal(result.retries, 0);
    assert_done(tmv_router_read_stream(bed.router, &bed.stream, 0, 10, &list, &err), &err);
    assert_int_equal(list.count, 1);
    assert_done(tmv_router_event_exists(bed.router, &bed.stream.tenant, &list.events[0].id, &exists, &err),
                &err);
    assert_true(exists);
    tmv_event_list_free(&list);
    assert_done(
        tmv_router_read_all(bed.router, &(struct tmv_feed){bed.stream.tenant, "Order", 0, 10}, &list, &err),
        &err);
    assert_int_equal(list.count, 1);
    tmv_event_list_free(&list);
    assert_done(tmv_router_stream_version(bed.router, &bed.stream, &version, &err), &err);
    assert_int_equal(version, 1);
    assert_fails(router_bed_append(&bed, 0, &result, &err), &err, TMV_ERR_VERSION);
    assert_fails(
        tmv_router_read_all(bed.router, &(struct tmv_feed){.tenant = bed.stream.tenant}, &list, &err), &err,
        TMV_ERR_USAGE);
    assert_fails(tmv_router_append(bed.router, &(struct tmv_append){.stream = &bed.stream}, &result, &err),
                 &err, TMV_ERR_USAGE);
    router_bed_close(&bed);
}

static void sends_tenants_without_a_route_to_the_default_store(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};

    (void)state;
    router_bed_open(&bed);
    bed.stream.tenant = tmv_uuid_random();
    assert_fails(router_bed_append(&bed, 0, &result, &err), &err, TMV_ERR_NOT_FOUND);
    assert_true(err.hint[0]);
    tmv_router_close(bed.router);
    router_bed_router(&bed, (struct tmv_router_options){.default_store = "dedicated"});
    assert_done(router_bed_append(&bed, 0, &result, &err), &err);
    assert_string_equal(result.store_id, "dedicated");
    bed.stream.tenant = (struct tmv_uuid){0};
    assert_done(router_bed_append(&bed, 1, &result, &err), &err);
    assert_int_equal(support_int(bed.b, "SELECT count(*) FROM public.events WHERE tenant_id IS NULL"), 1);
    router_bed_close(&bed);
}

static void says_which_store_is_unknown(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};

    (void)state;
    router_bed_open(&bed);
    support_sql(bed.control_conn, "UPDATE public.tenant_routing SET store_id = 'elsewhere'");
    assert_fails(router_bed_append(&bed, 0, &result, &err), &err, TMV_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "elsewhere"));
    router_bed_close(&bed);
}

static void follows_an_announced_route_at_once(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result = {0};
    struct tmv_error err = {0};

    (void)state;
    router_bed_open(&bed);
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    router_bed_wait(&bed,
                    router_bed_listens); /* from now on a route is believed until a change is announced */
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    assert_string_equal(result.store_id, "shared");
    support_sql(bed.control_conn,
                "UPDATE public.tenant_routing SET store_id = 'dedicated', migration_state = 'migrated'");
    for (int64_t end = clock_now_us() + SUPPORT_TIMEOUT_US; strcmp(result.store_id, "dedicated") != 0;) {
        assert_true(clock_now_us() < end);
        assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    }
    router_bed_close(&bed);
}

static bool looks_up(struct router_bed *bed)
{
    pthread_mutex_lock(&bed->router->lock);
    bool loading = routes_entry(bed->router, &bed->stream.tenant)->loading;
    pthread_mutex_unlock(&bed->router->lock);
    return loading;
}

/* An announcement, and a control database that does not say what changed. */
static void announce_in_vain(struct router_bed *bed)
{
    support_sql(bed->control_conn, "NOTIFY tenantmv_routing, '%s'", bed->tenant);
    for (int64_t end = clock_now_us() + SUPPORT_TIMEOUT_US; !looks_up(bed); (void)stop_sleep(NULL, US_PER_MS))
        assert_true(clock_now_us() < end);
}

/* Every writer of a tenant that just moved would wait for the lookup, within the gap that they see. */
static void waits_for_no_lookup_right_after_a_store_named_the_new_home(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};
    bool went_on = false;

    (void)state;
    router_bed_open(&bed);
    /* Its connections were opened while it was the target. */
    assert_done(tmv_router_register_store(bed.router, &bed.b_info, &err), &err);
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    router_bed_wait(&bed, router_bed_listens);
    struct pgx_conn *locker = support_connect(bed.control);
    for (int i = 0; i < 3 && !went_on; i++) { /* on a machine that stands still the second may be over */
        support_sql(locker, "BEGIN; LOCK TABLE public.tenant_routing IN ACCESS EXCLUSIVE MODE");
        routes_learn(bed.router, &bed.stream.tenant, "dedicated", ROUTER_BED_PLACEMENT + i);
        announce_in_vain(&bed);
        assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
        went_on = looks_up(&bed) && strcmp(result.store_id, "dedicated") == 0;
        support_sql(locker, "ROLLBACK");
    }
    assert_true(went_on);
    pgx_close(locker);
    router_bed_close(&bed);
}

/* No store told it: what was announced may be a pause or a home that no fence guards. */
static void waits_for_the_lookup_of_any_other_announcement(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct router_writer writer;
    struct tmv_error err = {0};

    (void)state;
    router_bed_open(&bed);
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    router_bed_wait(&bed, router_bed_listens);
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    struct pgx_conn *locker = support_connect(bed.control);
    support_sql(locker, "BEGIN; LOCK TABLE public.tenant_routing IN ACCESS EXCLUSIVE MODE;"
                        "UPDATE public.tenant_routing SET store_id = 'dedicated'");
    announce_in_vain(&bed);
    router_bed_start(&writer, &bed, 1, TMV_EXPECT_ANY);
    (void)stop_sleep(NULL, 100 * US_PER_MS); /* one that does not wait has written by now */
    support_sql(locker, "COMMIT");
    pthread_join(writer.thread, NULL);
    assert_done(writer.ok, &writer.err);
    assert_string_equal(writer.result.store_id, "dedicated");
    pgx_close(locker);
    router_bed_close(&bed);
}

static void listens_again_after_its_connection_broke(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result = {0};
    struct tmv_error err = {0};

    (void)state;
    router_bed_open(&bed);
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    router_bed_wait(&bed, router_bed_listens);
    support_sql(bed.control_conn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                  " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    support_sql(bed.control_conn, "UPDATE public.tenant_routing SET store_id = 'dedicated'");
    for (int64_t end = clock_now_us() + SUPPORT_TIMEOUT_US; strcmp(result.store_id, "dedicated") != 0;) {
        assert_true(clock_now_us() < end);
        assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    }
    router_bed_wait(&bed, router_bed_listens);
    router_bed_close(&bed);
}

static void goes_on_while_the_control_database_is_away(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};

    (void)state;
    router_bed_stores(&bed, false);
    router_bed_router(&bed, (struct tmv_router_options){.timeout_us = 500 * US_PER_MS});
    assert_done(router_bed_append(&bed, 0, &result, &err), &err);
    router_bed_wait(&bed, router_bed_listens);
    support_sql(bed.a, "ALTER DATABASE %s ALLOW_CONNECTIONS false", pgx_database(bed.control_conn));
    support_sql(bed.control_conn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                  " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    routes_forget(bed.router, NULL);
    assert_done(router_bed_append(&bed, 1, &result, &err), &err);
    assert_string_equal(result.store_id, "shared");
    bed.stream.tenant = tmv_uuid_random();
    assert_fails(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err, TMV_ERR_UNREACHABLE);
    router_bed_close(&bed);
}

static bool misses_control(struct tmv_router *router)
{
    pthread_mutex_lock(&router->lock);
    bool away = router->control_away;
    pthread_mutex_unlock(&router->lock);
    return away;
}

static void waits_for_no_control_database_that_hangs(void **state)
{
    struct cluster *cluster = support_cluster("control", NULL);
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};

    (void)state;
    router_bed_stores(&bed, false);
    pgx_close(bed.control_conn);
    support_database(cluster, bed.control);
    assert_done(tmv_control_init(bed.control, &err), &err);
    bed.control_conn = support_connect(bed.control);
    router_bed_router(&bed, (struct tmv_router_options){.timeout_us = US_PER_S, .default_store = "shared"});
    assert_done(tmv_router_register_store(bed.router, &bed.a_info, &err), &err);
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    router_bed_wait(&bed, router_bed_listens);
    /* From now on the server takes connections and never answers them. */
    kill(cluster_pid(cluster), SIGSTOP);
    support_sql(bed.control_conn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                  " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    struct tmv_uuid unknown = tmv_uuid_random();
    struct tmv_stream stream = {.tenant = unknown, .aggregate = unknown, .aggregate_type = "Order"};
    int64_t version;
    assert_false(tmv_router_stream_version(bed.router, &stream, &version, &err));
    router_bed_wait(&bed, misses_control);
    for (int64_t end = clock_now_us() + 4 * US_PER_S; clock_now_us() < end;) {
        routes_forget(bed.router, NULL);
        bool ok = router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err);
        if (!ok)
            kill(cluster_pid(cluster), SIGCONT);
        assert_done(ok, &err);
    }
    kill(cluster_pid(cluster), SIGCONT);
    router_bed_wait(&bed, router_bed_listens); /* and it finds its way back */
    router_bed_close(&bed);
}

static void lists_own_and_registered_stores(void **state)
{
    struct router_bed bed;
    struct tmv_store_info own, *list;
    struct tmv_append_result result;
    struct tmv_error err = {0};
    size_t count;

    (void)state;
    router_bed_open(&bed);
    own = bed.b_info;
    snprintf(own.id, sizeof own.id, "shared"); /* wins over the registry's store of that name */
    assert_done(router_bed_append(&bed, 0, &result, &err), &err);
    assert_done(tmv_router_register_store(bed.router, &own, &err), &err);
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    assert_int_equal(router_bed_count(bed.b), 1);
    snprintf(own.id, sizeof own.id, "third");
    assert_done(tmv_router_register_store(bed.router, &own, &err), &err);
    assert_done(tmv_router_list_stores(bed.router, &list, &count, &err), &err);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].id, "shared") == 0)
            assert_string_equal(list[i].conninfo, bed.b_info.conninfo);
    free(list);
    assert_true(tmv_router_unregister_store(bed.router, "shared"));
    assert_false(tmv_router_unregister_store(bed.router, "shared"));
    assert_done(router_bed_append(&bed, 1, &result, &err), &err);
    assert_int_equal(router_bed_count(bed.a), 2);
    snprintf(own.conninfo, sizeof own.conninfo, "host=x password=y");
    assert_fails(tmv_router_register_store(bed.router, &own, &err), &err, TMV_ERR_USAGE);
    router_bed_close(&bed);
}

/* ---- moved and closed ---- */

static void repeats_a_moved_write_on_the_new_home(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_router_stats stats;
    struct tmv_error err = {0};

    (void)state;
    router_bed_open(&bed);
    router_bed_discover(&bed);
    router_bed_guard(&bed, bed.a, &bed.a_shape, FENCE_OPEN);
    router_bed_guard(&bed, bed.b, &bed.b_shape, FENCE_CLOSED);
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    assert_string_equal(result.store_id, "shared");
    /* Decided, but the new home is not open yet: only a writer that names the epoch is admitted. */
    router_bed_fence(&bed, bed.b, "armed", ROUTER_BED_PLACEMENT, "");
    router_bed_fence(&bed, bed.a, "moved", ROUTER_BED_PLACEMENT, "dedicated");
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    assert_string_equal(result.store_id, "dedicated");
    assert_int_equal(result.retries, 1);
    assert_int_equal(router_bed_count(bed.a), 1);
    assert_int_equal(router_bed_count(bed.b), 1);
    /* It remembers; and no engine is there to open the new home. */
    (void)stop_sleep(NULL, 100 * US_PER_MS);
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    assert_int_equal(result.retries, 0);
    char *fence = support_text(bed.b, "SELECT state FROM tenantmv.fence");
    assert_string_equal(fence, "open");
    free(fence);
    tmv_router_get_stats(bed.router, &stats);
    assert_int_equal(stats.appends, 3);
    assert_int_equal(stats.redirected, 1);
    assert_int_equal(stats.held, 1);
    assert_true(stats.longest_held_us > 0);
    router_bed_close(&bed);
}

/* Control does not know of the move yet: the version in the store that the tenant left says nothing. */
static void takes_no_version_from_a_store_that_the_tenant_left(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};

    (void)state;
    router_bed_open(&bed);
    router_bed_discover(&bed);
    assert_done(router_bed_append(&bed, 0, &result, &err), &err);
    router_bed_guard(&bed, bed.a, &bed.a_shape, FENCE_OPEN);
    router_bed_guard(&bed, bed.b, &bed.b_shape, FENCE_CLOSED);
    assert_fails(router_bed_append(&bed, 7, &result, &err), &err, TMV_ERR_VERSION);
    router_bed_fence(&bed, bed.b, "armed", ROUTER_BED_PLACEMENT, "");
    router_bed_fence(&bed, bed.a, "moved", ROUTER_BED_PLACEMENT, "dedicated");
    for (int i = 0; i < 3; i++)
        assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    tmv_router_close(bed.router);
    router_bed_router(&bed, (struct tmv_router_options){.connections_per_store = 4});
    assert_done(router_bed_append(&bed, 3, &result, &err), &err);
    assert_string_equal(result.store_id, "dedicated");
    assert_fails(router_bed_append(&bed, 3, &result, &err), &err, TMV_ERR_VERSION);
    assert_int_equal(router_bed_count(bed.a), 1);
    assert_int_equal(router_bed_count(bed.b), 4);
    router_bed_close(&bed);
}

static void leaves_the_opening_to_the_engine_without_the_right(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};
    struct tmv_store_info poor;

    (void)state;
    router_bed_open(&bed);
    router_bed_discover(&bed);
    router_bed_guard(&bed, bed.a, &bed.a_shape, FENCE_OPEN);
    router_bed_guard(&bed, bed.b, &bed.b_shape, FENCE_CLOSED);
    support_sql(bed.b, "CREATE ROLE app LOGIN; GRANT SELECT, INSERT ON public.events TO app;"
                       "GRANT USAGE ON SEQUENCE public.events_global_position_seq TO app");
    poor = bed.b_info;
    strncat(poor.conninfo, " user=app", sizeof poor.conninfo - strlen(poor.conninfo) - 1);
    assert_done(tmv_router_register_store(bed.router, &poor, &err), &err);
    router_bed_fence(&bed, bed.b, "armed", ROUTER_BED_PLACEMENT, "");
    router_bed_fence(&bed, bed.a, "moved", ROUTER_BED_PLACEMENT, "dedicated");
    for (int i = 0; i < 2; i++) {
        assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
        assert_string_equal(result.store_id, "dedicated");
    }
    char *fence = support_text(bed.b, "SELECT state FROM tenantmv.fence");
    assert_string_equal(fence, "armed");
    free(fence);
    router_bed_close(&bed);
}

/* The registry says where the stores are, and leaves open who connects. */
static void name_no_user(struct router_bed *bed)
{
    support_sql(bed->control_conn,
                "UPDATE tenantmv.store SET conninfo = regexp_replace(conninfo, ' user=[^ ]+', '')");
}

/* How many connections of the router to the store "shared" are of this role. */
static int64_t connections_of(struct router_bed *bed, const char *role)
{
    return support_int(bed->a,
                       "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                       "application_name = 'tenantmv/router' AND usename = '%s'",
                       role);
}

/* Appends through a new router and says how many of its connections are of the role. */
static int64_t appends_as(struct router_bed *bed, struct tmv_router_options options, const char *role)
{
    struct tmv_append_result result;
    struct tmv_error err;

    router_bed_router(bed, options);
    assert_done(router_bed_append(bed, TMV_EXPECT_ANY, &result, &err), &err);
    int64_t found = connections_of(bed, role);
    tmv_router_close(TAKE(bed->router));
    return found;
}

/* In the order of weight: the router's option, the registered string's user, PGUSER, the role at control. */
static void connects_to_the_stores_as_itself(void **state)
{
    struct router_bed bed;
    struct tmv_store_info own;
    struct tmv_error err;

    (void)state;
    router_bed_stores(&bed, false);
    support_sql(bed.a, "CREATE ROLE itself SUPERUSER LOGIN; CREATE ROLE prescribed SUPERUSER LOGIN;"
                       "CREATE ROLE environment SUPERUSER LOGIN");
    strncat(bed.control, " user=itself", sizeof bed.control - strlen(bed.control) - 1);
    assert_int_equal(appends_as(&bed, (struct tmv_router_options){0}, CLUSTER_SUPERUSER), 1);
    assert_int_equal(appends_as(&bed, (struct tmv_router_options){.role = "prescribed"}, "prescribed"), 1);
    name_no_user(&bed);
    assert_int_equal(appends_as(&bed, (struct tmv_router_options){0}, "itself"), 1);
    assert_int_equal(appends_as(&bed, (struct tmv_router_options){.role = "prescribed"}, "prescribed"), 1);
    setenv("PGUSER", "environment", 1);
    assert_int_equal(appends_as(&bed, (struct tmv_router_options){0}, "environment"), 1);
    unsetenv("PGUSER");
    own = bed.a_info;
    text_copy(own.role, sizeof own.role, "environment");
    router_bed_router(&bed, (struct tmv_router_options){.role = "prescribed"});
    assert_done(tmv_router_register_store(bed.router, &own, &err), &err);
    struct tmv_append_result result;
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    assert_int_equal(connections_of(&bed, "environment"), 1);
    router_bed_close(&bed);
}

/* The rights that the migration guide names, in the control database and in the stores, and no more. */
static void works_with_the_rights_that_the_guide_names(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_store_info *stores;
    struct tmv_error err = {0};
    size_t count;

    (void)state;
    router_bed_stores(&bed, false);
    router_bed_discover(&bed);
    support_sql(bed.control_conn,
                "CREATE ROLE shop LOGIN; GRANT USAGE ON SCHEMA tenantmv TO shop;"
                "GRANT SELECT ON public.tenant_routing, public.tenant_migrations TO shop;"
                "GRANT SELECT ON tenantmv.control_version, tenantmv.migration_state, tenantmv.store TO shop");
    for (int i = 0; i < 2; i++) {
        support_sql(i ? bed.b : bed.a, "GRANT SELECT, INSERT ON public.events TO shop;"
                                       "GRANT USAGE ON SEQUENCE public.events_global_position_seq TO shop");
    }
    name_no_user(&bed);
    strncat(bed.control, " user=shop", sizeof bed.control - strlen(bed.control) - 1);
    router_bed_router(&bed, (struct tmv_router_options){.connections_per_store = 2});
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    router_bed_guard(&bed, bed.a, &bed.a_shape, FENCE_OPEN);
    router_bed_guard(&bed, bed.b, &bed.b_shape, FENCE_CLOSED);
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    router_bed_fence(&bed, bed.b, "armed", ROUTER_BED_PLACEMENT, "");
    router_bed_fence(&bed, bed.a, "moved", ROUTER_BED_PLACEMENT, "dedicated");
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    assert_string_equal(result.store_id, "dedicated");
    assert_done(tmv_router_list_stores(bed.router, &stores, &count, &err), &err);
    assert_int_equal(count, 2);
    free(stores);
    router_bed_close(&bed);
}

/* Applications go on with the router they were built with when the operator's program becomes newer. */
static void goes_on_under_a_newer_control_schema(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_control *control;
    struct tmv_error err = {0};

    (void)state;
    router_bed_stores(&bed, false);
    support_sql(bed.control_conn, "UPDATE tenantmv.control_version SET version = version + 1");
    router_bed_router(&bed, (struct tmv_router_options){.connections_per_store = 2});
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    assert_fails(tmv_control_open(bed.control, &control, &err), &err, TMV_ERR_REFUSED);
    tmv_router_close(bed.router);
    support_sql(bed.control_conn, "UPDATE tenantmv.control_version SET version = 1");
    router_bed_router(&bed, (struct tmv_router_options){.connections_per_store = 2});
    assert_fails(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err, TMV_ERR_REFUSED);
    router_bed_close(&bed);
}

static void waits_while_the_store_is_closed(void **state)
{
    struct router_bed bed;
    struct router_writer writer;

    (void)state;
    router_bed_open(&bed);
    router_bed_discover(&bed);
    router_bed_guard(&bed, bed.a, &bed.a_shape, FENCE_CLOSED);
    router_bed_start(&writer, &bed, 2, TMV_EXPECT_NO_STREAM);
    router_bed_wait(&bed, router_bed_holds_writers);
    assert_int_equal(router_bed_count(bed.a), 0);
    router_bed_fence(&bed, bed.a, "open", ROUTER_BED_PLACEMENT, "");
    pthread_join(writer.thread, NULL);
    assert_done(writer.ok, &writer.err);
    assert_int_equal(writer.result.version, 2);
    assert_true(writer.result.retries > 0);
    router_bed_close(&bed);
}

static void says_closed_when_the_time_is_over(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};

    (void)state;
    router_bed_stores(&bed, false);
    router_bed_router(&bed, (struct tmv_router_options){.timeout_us = 300 * US_PER_MS});
    router_bed_discover(&bed);
    router_bed_guard(&bed, bed.a, &bed.a_shape, FENCE_CLOSED);
    assert_fails(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err, TMV_ERR_CLOSED);
    assert_string_equal(err.sqlstate, "TM002");
    /* Two stores that both say that the tenant left: nobody goes round in circles for ever. */
    router_bed_guard(&bed, bed.b, &bed.b_shape, FENCE_CLOSED);
    router_bed_fence(&bed, bed.a, "moved", ROUTER_BED_PLACEMENT, "dedicated");
    router_bed_fence(&bed, bed.b, "moved", ROUTER_BED_PLACEMENT, "shared");
    assert_fails(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err, TMV_ERR_CLOSED);
    assert_int_equal(router_bed_count(bed.a) + router_bed_count(bed.b), 0);
    router_bed_close(&bed);
}

/* The time ends while the last try waits for something else: what is said is what held it until then. */
static void says_closed_when_the_last_try_is_ended_by_the_clock(void **state)
{
    struct router_bed bed;
    struct router_writer writer;

    (void)state;
    router_bed_stores(&bed, false);
    router_bed_router(&bed, (struct tmv_router_options){.timeout_us = 2 * US_PER_S});
    router_bed_discover(&bed);
    router_bed_guard(&bed, bed.a, &bed.a_shape, FENCE_CLOSED);
    router_bed_start(&writer, &bed, 1, TMV_EXPECT_NO_STREAM);
    router_bed_wait(&bed, router_bed_holds_writers);
    support_sql(bed.a, "BEGIN; LOCK TABLE public.events");
    pthread_join(writer.thread, NULL);
    support_sql(bed.a, "ROLLBACK");
    assert_false(writer.ok);
    assert_int_equal(writer.err.code, TMV_ERR_CLOSED);
    assert_string_equal(writer.err.sqlstate, "TM002");
    assert_int_equal(router_bed_count(bed.a), 0);
    router_bed_close(&bed);
}

static void pauses_the_writes_of_one_tenant(void **state)
{
    struct router_bed bed;
    struct router_writer writer;
    struct tmv_stream paused;
    struct tmv_append_result result;
    struct tmv_router_stats stats;
    struct tmv_error err = {0};

    (void)state;
    router_bed_open(&bed);
    tmv_router_pause_writes(bed.router, &bed.stream.tenant);
    router_bed_start(&writer, &bed, 1, 0);
    router_bed_wait(&bed, router_bed_holds_writers);
    tmv_router_get_stats(bed.router, &stats);
    assert_int_equal(stats.waiting_writers, 1);
    paused = bed.stream; /* another tenant is not held */
    bed.stream.tenant = tmv_uuid_random();
    bed.stream.aggregate = tmv_uuid_random();
    support_sql(bed.control_conn,
                "INSERT INTO public.tenant_routing (tenant_id, store_id) VALUES ('%s', 'shared')",
                tmv_uuid_format(&bed.stream.tenant, bed.tenant));
    assert_done(router_bed_append(&bed, 0, &result, &err), &err);
    tmv_router_resume_writes(bed.router, &paused.tenant);
    pthread_join(writer.thread, NULL);
    assert_done(writer.ok, &writer.err);
    tmv_router_get_stats(bed.router, &stats);
    assert_int_equal(stats.waiting_writers, 0);
    assert_int_equal(stats.held, 1);
    assert_true(stats.longest_held_us > 0);
    tmv_router_close(bed.router);
    router_bed_router(&bed, (struct tmv_router_options){.timeout_us = 50 * US_PER_MS});
    tmv_router_pause_writes(bed.router, &bed.stream.tenant);
    assert_fails(router_bed_append(&bed, 1, &result, &err), &err, TMV_ERR_CLOSED);
    router_bed_close(&bed);
}

static void repeats_a_race_that_any_version_may_win(void **state)
{
    enum { WRITERS = 8, ROUNDS = 10 };
    struct router_bed bed;
    struct router_writer writers[WRITERS];

    (void)state;
    router_bed_stores(&bed, false);
    router_bed_router(
        &bed, (struct tmv_router_options){.connections_per_store = 3}); /* fewer than writers: some wait */
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < WRITERS; i++)
            router_bed_start(&writers[i], &bed, 1, TMV_EXPECT_ANY);
        for (int i = 0; i < WRITERS; i++) {
            pthread_join(writers[i].thread, NULL);
            assert_done(writers[i].ok, &writers[i].err);
        }
    }
    assert_int_equal(support_int(bed.a, "SELECT max(version) FROM public.events"), WRITERS * ROUNDS);
    assert_true(support_int(bed.a, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                   " AND application_name = 'tenantmv/router'") <= 3);
    router_bed_close(&bed);
}

static void warms_up_the_target_before_it_is_needed(void **state)
{
    struct router_bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};
    char migration[TMV_UUID_TEXT];
    struct tmv_uuid id = tmv_uuid_random();

    (void)state;
    router_bed_open(&bed);
    assert_done(router_bed_append(&bed, 0, &result, &err), &err);
    router_bed_wait(&bed, router_bed_listens);
    tmv_uuid_format(&id, migration);
    support_sql(
        bed.control_conn,
        "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase)"
        " VALUES ('%s', '%s', 'shared', 'dedicated', 'dual_write');"
        "UPDATE public.tenant_routing SET migration_state = 'dual_write', active_migration_id = '%s'",
        migration, bed.tenant, migration);
    /* Nobody writes now: the announcement alone does it. */
    support_wait_until(bed.b, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
                              " AND application_name = 'tenantmv/router')");
    router_bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads_where_the_route_says),
        cmocka_unit_test(sends_tenants_without_a_route_to_the_default_store),
        cmocka_unit_test(says_which_store_is_unknown),
        cmocka_unit_test(follows_an_announced_route_at_once),
        cmocka_unit_test(waits_for_no_lookup_right_after_a_store_named_the_new_home),
        cmocka_unit_test(waits_for_the_lookup_of_any_other_announcement),
        cmocka_unit_test(listens_again_after_its_connection_broke),
        cmocka_unit_test(goes_on_while_the_control_database_is_away),
        cmocka_unit_test(waits_for_no_control_database_that_hangs),
        cmocka_unit_test(lists_own_and_registered_stores),
        cmocka_unit_test(repeats_a_moved_write_on_the_new_home),
        cmocka_unit_test(takes_no_version_from_a_store_that_the_tenant_left),
        cmocka_unit_test(leaves_the_opening_to_the_engine_without_the_right),
        cmocka_unit_test(connects_to_the_stores_as_itself),
        cmocka_unit_test(works_with_the_rights_that_the_guide_names),
        cmocka_unit_test(goes_on_under_a_newer_control_schema),
        cmocka_unit_test(waits_while_the_store_is_closed),
        cmocka_unit_test(says_closed_when_the_time_is_over),
        cmocka_unit_test(says_closed_when_the_last_try_is_ended_by_the_clock),
        cmocka_unit_test(pauses_the_writes_of_one_tenant),
        cmocka_unit_test(repeats_a_race_that_any_version_may_win),
        cmocka_unit_test(warms_up_the_target_before_it_is_needed),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

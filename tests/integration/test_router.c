/* The router on real servers: routes, held and moved writes, lost answers, mirrors. The guard's answers come
 * from the real guard, except where a case needs an answer that no move would give at that moment. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "route/internal.h"
#include "store/guard.h"
#include "support/support.h"
#include "tenantmv/router.h"

#define EPOCH 1
#define PLACEMENT 5

/* A control database, two stores, a tenant that lives on the first. */
struct bed {
    char control[CLUSTER_CONNINFO_MAX];
    struct tmv_store_info a_info, b_info;
    struct pgx_conn *control_conn, *a, *b;
    struct store_shape a_shape, b_shape;
    struct tmv_stream stream;
    char tenant[TMV_UUID_TEXT];
    struct tmv_router *router;
};

static struct tmv_new_event new_event(void)
{
    return (struct tmv_new_event){.id = tmv_uuid_random(), .type = "OrderPlaced", .payload = "{\"n\": 1.00}"};
}

static void add_to_registry(const char *control, const struct tmv_store_info *info)
{
    struct tmv_control *handle;
    struct tmv_error err = {0};

    assert_done(tmv_control_open(control, &handle, &err), &err);
    assert_done(tmv_store_add(handle, info, &err), &err);
    tmv_control_close(handle);
}

static void open_stores(struct bed *bed, bool partitioned)
{
    struct cluster *cluster = support_cluster("all", NULL);
    struct tmv_error err = {0};

    memset(bed, 0, sizeof *bed);
    support_database(cluster, bed->control);
    assert_done(tmv_control_init(bed->control, &err), &err);
    support_store(cluster, "shared", partitioned, &bed->a_info);
    support_store(cluster, "dedicated", partitioned, &bed->b_info);
    add_to_registry(bed->control, &bed->a_info);
    add_to_registry(bed->control, &bed->b_info);
    bed->control_conn = support_connect(bed->control);
    bed->a = support_connect(bed->a_info.conninfo);
    bed->b = support_connect(bed->b_info.conninfo);
    bed->stream = (struct tmv_stream){
        .tenant = tmv_uuid_random(), .aggregate = tmv_uuid_random(), .aggregate_type = "Order"};
    tmv_uuid_format(&bed->stream.tenant, bed->tenant);
    support_sql(bed->control_conn,
                "INSERT INTO public.tenant_routing (tenant_id, store_id) VALUES ('%s', 'shared')",
                bed->tenant);
}

static void open_router(struct bed *bed, struct tmv_router_options options)
{
    struct tmv_error err = {0};

    options.control_conninfo = bed->control;
    assert_done(tmv_router_open(&options, &bed->router, &err), &err);
}

static void open_bed(struct bed *bed)
{
    open_stores(bed, false);
    open_router(bed, (struct tmv_router_options){.connections_per_store = 4});
}

static void close_bed(struct bed *bed)
{
    tmv_router_close(bed->router);
    pgx_close(bed->control_conn);
    pgx_close(bed->a);
    pgx_close(bed->b);
}

static bool append(struct bed *bed, int64_t expected, struct tmv_append_result *result, struct tmv_error *err)
{
    struct tmv_new_event event = new_event();

    return tmv_router_append(bed->router, &bed->stream, expected, &event, 1, result, err);
}

static int64_t count_events(struct pgx_conn *conn)
{
    return support_int(conn, "SELECT count(*) FROM public.events");
}

/* Polls until a condition on the router holds. */
static void wait_for(struct bed *bed, bool (*holds)(struct tmv_router *router))
{
    int64_t end = clock_now_us() + SUPPORT_TIMEOUT_US;

    while (!holds(bed->router)) {
        if (clock_now_us() > end)
            fail_msg("the router never got there");
        stop_sleep(NULL, 1000);
    }
}

static bool listens(struct tmv_router *router)
{
    pthread_mutex_lock(&router->lock);
    bool listening = router->listening;
    pthread_mutex_unlock(&router->lock);
    return listening;
}

static bool somebody_waits(struct tmv_router *router)
{
    struct tmv_router_stats stats;

    tmv_router_get_stats(router, &stats);
    return stats.waiting_writers > 0;
}

/* A writer in a thread of its own. */
struct writer {
    struct bed *bed;
    struct tmv_stream stream;
    struct tmv_new_event events[3];
    size_t count;
    int64_t expected;
    bool ok;
    struct tmv_append_result result;
    struct tmv_error err;
    pthread_t thread;
};

static void *write_one(void *arg)
{
    struct writer *w = arg;

    w->ok =
        tmv_router_append(w->bed->router, &w->stream, w->expected, w->events, w->count, &w->result, &w->err);
    return NULL;
}

static void start_writer(struct writer *w, struct bed *bed, size_t count, int64_t expected)
{
    *w = (struct writer){.bed = bed, .stream = bed->stream, .count = count, .expected = expected};
    for (size_t i = 0; i < count; i++)
        w->events[i] = new_event();
    assert_int_equal(pthread_create(&w->thread, NULL, write_one, w), 0);
}

/* ---- the real guard ---- */

static struct guard install_guard(struct bed *bed, struct pgx_conn *conn, const struct store_shape *shape,
                                  enum fence_state state)
{
    struct guard guard = {
        .shape = shape, .tenant = bed->stream.tenant, .migration = tmv_uuid_random(), .owner_epoch = EPOCH};
    struct tmv_error err = {0};
    int64_t value;
    char facts[80];

    assert_done(guard_prepare_store(conn, shape, &err), &err);
    assert_done(guard_identify(conn, &guard, &err), &err);
    assert_done(guard_raise_owner(conn, &guard, &err), &err);
    assert_done(guard_prepare_fence(conn, &guard, state, 600, PLACEMENT - 1, &err), &err);
    assert_done(guard_install(conn, &guard, GUARD_ROWS, SUPPORT_TIMEOUT_US, &value, facts, &err), &err);
    return guard;
}

static void discover(struct bed *bed)
{
    struct tmv_error err = {0};

    assert_done(store_shape_discover(bed->a, "", "", &bed->a_shape, &err), &err);
    assert_done(store_shape_discover(bed->b, "", "", &bed->b_shape, &err), &err);
}

static void set_fence(struct bed *bed, struct pgx_conn *conn, const char *state, int64_t epoch,
                      const char *store)
{
    support_sql(conn,
                "UPDATE tenantmv.fence SET state = '%s', placement_epoch = %lld, store_id = '%s'"
                " WHERE tenant_id = '%s'",
                state, (long long)epoch, store, bed->tenant);
}

/* ---- routes ---- */

static void writes_and_reads_where_the_route_says(void **state)
{
    struct bed bed;
    struct tmv_append_result result;
    struct tmv_event_list list;
    struct tmv_error err = {0};
    int64_t version;
    bool exists;

    (void)state;
    open_bed(&bed);
    assert_done(append(&bed, TMV_EXPECT_NO_STREAM, &result, &err), &err);
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
    assert_done(tmv_router_read_all(bed.router, &bed.stream.tenant, "Order", 0, 10, &list, &err), &err);
    assert_int_equal(list.count, 1);
    tmv_event_list_free(&list);
    assert_done(tmv_router_stream_version(bed.router, &bed.stream, &version, &err), &err);
    assert_int_equal(version, 1);
    assert_fails(append(&bed, 0, &result, &err), &err, TMV_ERR_VERSION);
    assert_fails(tmv_router_read_all(bed.router, &bed.stream.tenant, NULL, 0, 0, &list, &err), &err,
                 TMV_ERR_USAGE);
    assert_fails(tmv_router_append(bed.router, &bed.stream, 0, NULL, 0, &result, &err), &err, TMV_ERR_USAGE);
    close_bed(&bed);
}

static void sends_tenants_without_a_route_to_the_default_store(void **state)
{
    struct bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed);
    bed.stream.tenant = tmv_uuid_random();
    assert_fails(append(&bed, 0, &result, &err), &err, TMV_ERR_NOT_FOUND);
    assert_true(err.hint[0]);
    tmv_router_close(bed.router);
    open_router(&bed, (struct tmv_router_options){.default_store = "dedicated"});
    assert_done(append(&bed, 0, &result, &err), &err);
    assert_string_equal(result.store_id, "dedicated");
    bed.stream.tenant = (struct tmv_uuid){0};
    assert_done(append(&bed, 1, &result, &err), &err);
    assert_int_equal(support_int(bed.b, "SELECT count(*) FROM public.events WHERE tenant_id IS NULL"), 1);
    close_bed(&bed);
}

static void says_which_store_is_unknown(void **state)
{
    struct bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed);
    support_sql(bed.control_conn, "UPDATE public.tenant_routing SET store_id = 'elsewhere'");
    assert_fails(append(&bed, 0, &result, &err), &err, TMV_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "elsewhere"));
    close_bed(&bed);
}

static void follows_an_announced_route_at_once(void **state)
{
    struct bed bed;
    struct tmv_append_result result = {0};
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed);
    assert_done(append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    wait_for(&bed, listens); /* from now on a route is believed until a change is announced */
    assert_done(append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    assert_string_equal(result.store_id, "shared");
    support_sql(bed.control_conn,
                "UPDATE public.tenant_routing SET store_id = 'dedicated', migration_state = 'migrated'");
    for (int64_t end = clock_now_us() + SUPPORT_TIMEOUT_US; strcmp(result.store_id, "dedicated") != 0;) {
        assert_true(clock_now_us() < end);
        assert_done(append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    }
    close_bed(&bed);
}

static void listens_again_after_its_connection_broke(void **state)
{
    struct bed bed;
    struct tmv_append_result result = {0};
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed);
    assert_done(append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    wait_for(&bed, listens);
    support_sql(bed.control_conn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                  " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    support_sql(bed.control_conn, "UPDATE public.tenant_routing SET store_id = 'dedicated'");
    for (int64_t end = clock_now_us() + SUPPORT_TIMEOUT_US; strcmp(result.store_id, "dedicated") != 0;) {
        assert_true(clock_now_us() < end);
        assert_done(append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    }
    wait_for(&bed, listens);
    close_bed(&bed);
}

static void goes_on_while_the_control_database_is_away(void **state)
{
    struct bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed);
    assert_done(append(&bed, 0, &result, &err), &err);
    wait_for(&bed, listens);
    support_sql(bed.a, "ALTER DATABASE %s ALLOW_CONNECTIONS false", pgx_database(bed.control_conn));
    support_sql(bed.control_conn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                  " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    routes_forget(bed.router, NULL);
    assert_done(append(&bed, 1, &result, &err), &err);
    assert_string_equal(result.store_id, "shared");
    bed.stream.tenant = tmv_uuid_random();
    assert_fails(append(&bed, TMV_EXPECT_ANY, &result, &err), &err, TMV_ERR_UNREACHABLE);
    close_bed(&bed);
}

static void lists_own_and_registered_stores(void **state)
{
    struct bed bed;
    struct tmv_store_info own, *list;
    struct tmv_append_result result;
    struct tmv_error err = {0};
    size_t count;

    (void)state;
    open_bed(&bed);
    own = bed.b_info;
    snprintf(own.id, sizeof own.id, "shared"); /* wins over the registry's store of that name */
    assert_done(append(&bed, 0, &result, &err), &err);
    assert_done(tmv_router_register_store(bed.router, &own, &err), &err);
    assert_done(append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    assert_int_equal(count_events(bed.b), 1);
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
    assert_done(append(&bed, 1, &result, &err), &err);
    assert_int_equal(count_events(bed.a), 2);
    snprintf(own.conninfo, sizeof own.conninfo, "host=x password=y");
    assert_fails(tmv_router_register_store(bed.router, &own, &err), &err, TMV_ERR_USAGE);
    close_bed(&bed);
}

/* ---- moved and closed ---- */

static void repeats_a_moved_write_on_the_new_home(void **state)
{
    struct bed bed;
    struct tmv_append_result result;
    struct tmv_router_stats stats;
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed);
    discover(&bed);
    install_guard(&bed, bed.a, &bed.a_shape, FENCE_OPEN);
    install_guard(&bed, bed.b, &bed.b_shape, FENCE_CLOSED);
    assert_done(append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    assert_string_equal(result.store_id, "shared");
    /* Decided, but the new home is not open yet: only a writer that names the epoch is admitted. */
    set_fence(&bed, bed.b, "armed", PLACEMENT, "");
    set_fence(&bed, bed.a, "moved", PLACEMENT, "dedicated");
    assert_done(append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    assert_string_equal(result.store_id, "dedicated");
    assert_int_equal(result.retries, 1);
    assert_int_equal(count_events(bed.a), 1);
    assert_int_equal(count_events(bed.b), 1);
    char *fence = support_text(bed.b, "SELECT state FROM tenantmv.fence");
    assert_string_equal(fence, "open");
    free(fence);
    /* It remembers. */
    assert_done(append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    assert_int_equal(result.retries, 0);
    tmv_router_get_stats(bed.router, &stats);
    assert_int_equal(stats.appends, 3);
    assert_int_equal(stats.redirected, 1);
    assert_int_equal(stats.held, 1);
    assert_true(stats.longest_held_us > 0);
    close_bed(&bed);
}

static void leaves_the_opening_to_the_engine_without_the_right(void **state)
{
    struct bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};
    struct tmv_store_info poor;

    (void)state;
    open_bed(&bed);
    discover(&bed);
    install_guard(&bed, bed.a, &bed.a_shape, FENCE_OPEN);
    install_guard(&bed, bed.b, &bed.b_shape, FENCE_CLOSED);
    support_sql(bed.b, "CREATE ROLE app LOGIN; GRANT SELECT, INSERT ON public.events TO app;"
                       "GRANT USAGE ON SEQUENCE public.events_global_position_seq TO app");
    poor = bed.b_info;
    strncat(poor.conninfo, " user=app", sizeof poor.conninfo - strlen(poor.conninfo) - 1);
    assert_done(tmv_router_register_store(bed.router, &poor, &err), &err);
    set_fence(&bed, bed.b, "armed", PLACEMENT, "");
    set_fence(&bed, bed.a, "moved", PLACEMENT, "dedicated");
    for (int i = 0; i < 2; i++) {
        assert_done(append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
        assert_string_equal(result.store_id, "dedicated");
    }
    char *fence = support_text(bed.b, "SELECT state FROM tenantmv.fence");
    assert_string_equal(fence, "armed");
    free(fence);
    close_bed(&bed);
}

static void waits_while_the_store_is_closed(void **state)
{
    struct bed bed;
    struct writer writer;

    (void)state;
    open_bed(&bed);
    discover(&bed);
    install_guard(&bed, bed.a, &bed.a_shape, FENCE_CLOSED);
    start_writer(&writer, &bed, 2, TMV_EXPECT_NO_STREAM);
    wait_for(&bed, somebody_waits);
    assert_int_equal(count_events(bed.a), 0);
    set_fence(&bed, bed.a, "open", PLACEMENT, "");
    pthread_join(writer.thread, NULL);
    assert_done(writer.ok, &writer.err);
    assert_int_equal(writer.result.version, 2);
    assert_true(writer.result.retries > 0);
    close_bed(&bed);
}

static void says_closed_when_the_time_is_over(void **state)
{
    struct bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};

    (void)state;
    open_stores(&bed, false);
    open_router(&bed, (struct tmv_router_options){.timeout_us = 300 * US_PER_MS});
    discover(&bed);
    install_guard(&bed, bed.a, &bed.a_shape, FENCE_CLOSED);
    assert_fails(append(&bed, TMV_EXPECT_ANY, &result, &err), &err, TMV_ERR_CLOSED);
    assert_string_equal(err.sqlstate, "TM002");
    /* Two stores that both say that the tenant left: nobody goes round in circles for ever. */
    install_guard(&bed, bed.b, &bed.b_shape, FENCE_CLOSED);
    set_fence(&bed, bed.a, "moved", PLACEMENT, "dedicated");
    set_fence(&bed, bed.b, "moved", PLACEMENT, "shared");
    assert_fails(append(&bed, TMV_EXPECT_ANY, &result, &err), &err, TMV_ERR_CLOSED);
    assert_int_equal(count_events(bed.a) + count_events(bed.b), 0);
    close_bed(&bed);
}

static void pauses_the_writes_of_one_tenant(void **state)
{
    struct bed bed;
    struct writer writer;
    struct tmv_stream paused;
    struct tmv_append_result result;
    struct tmv_router_stats stats;
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed);
    tmv_router_pause_writes(bed.router, &bed.stream.tenant);
    start_writer(&writer, &bed, 1, 0);
    wait_for(&bed, somebody_waits);
    tmv_router_get_stats(bed.router, &stats);
    assert_int_equal(stats.waiting_writers, 1);
    paused = bed.stream; /* another tenant is not held */
    bed.stream.tenant = tmv_uuid_random();
    bed.stream.aggregate = tmv_uuid_random();
    support_sql(bed.control_conn,
                "INSERT INTO public.tenant_routing (tenant_id, store_id) VALUES ('%s', 'shared')",
                tmv_uuid_format(&bed.stream.tenant, bed.tenant));
    assert_done(append(&bed, 0, &result, &err), &err);
    tmv_router_resume_writes(bed.router, &paused.tenant);
    pthread_join(writer.thread, NULL);
    assert_done(writer.ok, &writer.err);
    tmv_router_get_stats(bed.router, &stats);
    assert_int_equal(stats.waiting_writers, 0);
    assert_int_equal(stats.held, 1);
    assert_true(stats.longest_held_us > 0);
    tmv_router_close(bed.router);
    open_router(&bed, (struct tmv_router_options){.timeout_us = 50 * US_PER_MS});
    tmv_router_pause_writes(bed.router, &bed.stream.tenant);
    assert_fails(append(&bed, 1, &result, &err), &err, TMV_ERR_CLOSED);
    close_bed(&bed);
}

static void repeats_a_race_that_any_version_may_win(void **state)
{
    enum { WRITERS = 8, ROUNDS = 10 };
    struct bed bed;
    struct writer writers[WRITERS];

    (void)state;
    open_stores(&bed, false);
    open_router(&bed,
                (struct tmv_router_options){.connections_per_store = 3}); /* fewer than writers: some wait */
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < WRITERS; i++)
            start_writer(&writers[i], &bed, 1, TMV_EXPECT_ANY);
        for (int i = 0; i < WRITERS; i++) {
            pthread_join(writers[i].thread, NULL);
            assert_done(writers[i].ok, &writers[i].err);
        }
    }
    assert_int_equal(support_int(bed.a, "SELECT max(version) FROM public.events"), WRITERS * ROUNDS);
    assert_true(support_int(bed.a, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                   " AND application_name = 'tenantmv/router'") <= 3);
    close_bed(&bed);
}

static void warms_up_the_target_before_it_is_needed(void **state)
{
    struct bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};
    char migration[TMV_UUID_TEXT];
    struct tmv_uuid id = tmv_uuid_random();

    (void)state;
    open_bed(&bed);
    assert_done(append(&bed, 0, &result, &err), &err);
    wait_for(&bed, listens);
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
    close_bed(&bed);
}

/* ---- lost answers ---- */

/* Lets the router connect and prepare its statement, so that what is blocked next is the append itself. */
static void make_ready(struct bed *bed)
{
    struct tmv_stream other = bed->stream;
    struct tmv_new_event event = new_event();
    struct tmv_append_result result;
    struct tmv_error err = {0};

    other.aggregate = tmv_uuid_random();
    assert_done(tmv_router_append(bed->router, &other, 0, &event, 1, &result, &err), &err);
    support_sql(bed->a, "DELETE FROM public.events");
}

/* Blocks appends on the first store inside their transaction until it is released. */
static struct pgx_conn *block_appends(struct bed *bed)
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
    struct bed bed;
    struct writer writer;
    struct pgx_conn *blocker;

    (void)state;
    open_bed(&bed);
    make_ready(&bed);
    blocker = block_appends(&bed);
    start_writer(&writer, &bed, 3, 0);
    support_wait_until(bed.a, router_waits_for_a_lock);
    end_router_sessions(bed.a);
    support_wait_until(bed.a, router_waits_for_a_lock); /* the repetition */
    support_sql(blocker, "COMMIT");
    pthread_join(writer.thread, NULL);
    assert_done(writer.ok, &writer.err);
    assert_int_equal(writer.result.version, 3);
    assert_true(writer.result.retries > 0);
    assert_int_equal(count_events(bed.a), 3);
    pgx_close(blocker);
    close_bed(&bed);
}

static void finds_an_append_that_happened_although_its_answer_was_lost(void **state)
{
    static const int64_t expectations[] = {0, TMV_EXPECT_ANY, TMV_EXPECT_NO_STREAM};

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(expectations); i++) {
        struct bed bed;
        struct writer writer;

        open_stores(&bed, i % 2);
        open_router(&bed, (struct tmv_router_options){0});
        /* A commit that waits for a standby which never comes is durable here already; ending the session
         * then loses the answer and nothing else. */
        support_sql(bed.a, "SET synchronous_commit = local");
        support_sql(bed.a, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
        support_sql(bed.a, "SELECT pg_reload_conf()");
        support_wait_until(bed.a, "SELECT current_setting('synchronous_standby_names') = 'nobody'");
        start_writer(&writer, &bed, 3, expectations[i / 2]);
        support_wait_until(bed.a,
                           "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                           " AND datname = current_database() AND application_name = 'tenantmv/router')");
        end_router_sessions(bed.a);
        pthread_join(writer.thread, NULL);
        support_sql(bed.a, "ALTER SYSTEM RESET synchronous_standby_names");
        support_sql(bed.a, "SELECT pg_reload_conf()");
        assert_done(writer.ok, &writer.err);
        assert_int_equal(writer.result.version, 3);
        assert_true(writer.result.retries > 0);
        assert_int_equal(count_events(bed.a), 3);
        assert_int_equal(writer.result.position,
                         support_int(bed.a, "SELECT min(global_position) FROM public.events"));
        close_bed(&bed);
    }
}

static void follows_a_lost_append_to_the_new_home(void **state)
{
    struct bed bed;
    struct writer writer;
    struct pgx_conn *blocker;

    (void)state;
    open_bed(&bed);
    make_ready(&bed);
    discover(&bed);
    install_guard(&bed, bed.a, &bed.a_shape, FENCE_OPEN);
    install_guard(&bed, bed.b, &bed.b_shape, FENCE_OPEN);
    blocker = block_appends(&bed);
    start_writer(&writer, &bed, 2, 0);
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
    set_fence(&bed, bed.a, "moved", PLACEMENT, "dedicated");
    end_router_sessions(bed.a);
    support_sql(blocker, "COMMIT");
    pthread_join(writer.thread, NULL);
    assert_done(writer.ok, &writer.err);
    assert_string_equal(writer.result.store_id, "dedicated");
    assert_int_equal(writer.result.version, 2);
    assert_int_equal(count_events(bed.a), 0);
    assert_int_equal(count_events(bed.b), 2);
    pgx_close(blocker);
    close_bed(&bed);
}

static void says_unknown_while_the_store_stays_away(void **state)
{
    struct bed bed;
    struct writer writer;
    struct pgx_conn *blocker, *other;

    (void)state;
    open_stores(&bed, false);
    open_router(&bed, (struct tmv_router_options){.timeout_us = 400 * US_PER_MS});
    other = support_connect(bed.control);
    make_ready(&bed);
    blocker = block_appends(&bed);
    start_writer(&writer, &bed, 1, 0);
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
    close_bed(&bed);
}

static void replaces_connections_that_died_while_idle(void **state)
{
    struct bed bed;
    struct tmv_append_result result;
    struct tmv_error err = {0};
    int64_t version;

    (void)state;
    open_bed(&bed);
    assert_done(append(&bed, 0, &result, &err), &err);
    end_router_sessions(bed.a);
    assert_done(append(&bed, 1, &result, &err), &err);
    end_router_sessions(bed.a);
    assert_done(tmv_router_stream_version(bed.router, &bed.stream, &version, &err), &err);
    assert_int_equal(version, 2);
    assert_int_equal(count_events(bed.a), 2);
    close_bed(&bed);
}

static void reports_real_duplicates(void **state)
{
    struct bed bed;
    struct tmv_append_result result;
    struct tmv_new_event event = new_event();
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed);
    assert_done(tmv_router_append(bed.router, &bed.stream, 0, &event, 1, &result, &err), &err);
    assert_fails(tmv_router_append(bed.router, &bed.stream, 1, &event, 1, &result, &err), &err,
                 TMV_ERR_DUPLICATE);
    close_bed(&bed);
}

/* ---- dual write ---- */

static void begin_dual_write(struct bed *bed, struct tmv_uuid *ret_migration)
{
    char migration[TMV_UUID_TEXT];
    struct guard guard;

    support_sql(
        bed->a,
        "ALTER TABLE public.events ADD COLUMN token uuid DEFAULT gen_random_uuid(), ADD COLUMN here int");
    support_sql(bed->b, "ALTER TABLE public.events ADD COLUMN token uuid, ADD COLUMN there text DEFAULT 'x'");
    discover(bed);
    guard = install_guard(bed, bed->b, &bed->b_shape, FENCE_CLOSED);
    *ret_migration = guard.migration;
    tmv_uuid_format(ret_migration, migration);
    support_sql(
        bed->control_conn,
        "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase)"
        " VALUES ('%s', '%s', 'shared', 'dedicated', 'dual_write');"
        "UPDATE public.tenant_routing SET migration_state = 'dual_write', active_migration_id = '%s'",
        migration, bed->tenant, migration);
    support_sql(bed->b,
                "INSERT INTO tenantmv.applied (migration_id, tenant_id, owner_epoch, state)"
                " VALUES ('%s', '%s', %d, 'mirroring')",
                migration, bed->tenant, EPOCH);
    open_router(bed, (struct tmv_router_options){.dual_write = true});
}

static void mirrors_events_with_the_same_values_and_positions(void **state)
{
    static const char *const all =
        "SELECT jsonb_agg(to_jsonb(e) - 'txid' - 'here' - 'there' ORDER BY global_position)::text"
        " FROM public.events e";
    struct bed bed;
    struct tmv_uuid migration;
    struct writer writer;
    struct tmv_router_stats stats;
    char *source, *target;

    (void)state;
    for (int partitioned = 0; partitioned < 2; partitioned++) {
        open_stores(&bed, partitioned);
        begin_dual_write(&bed, &migration);
        support_sql(bed.a, "SELECT setval('public.events_global_position_seq', 1000)");
        start_writer(&writer, &bed, 3, 0);
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
        free(source);
        free(target);
        close_bed(&bed);
    }
}

static void mirrors_nothing_after_an_abort_or_a_change_of_owner(void **state)
{
    static const char *const changes[] = {"state = 'undoing'", "owner_epoch = owner_epoch + 1",
                                          "tenant_id = gen_random_uuid()"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct bed bed;
        struct tmv_uuid migration;
        struct tmv_append_result result;
        struct tmv_router_stats stats;
        struct tmv_error err = {0};

        open_stores(&bed, false);
        begin_dual_write(&bed, &migration);
        assert_done(append(&bed, 0, &result, &err), &err);
        assert_int_equal(count_events(bed.b), 1);
        support_sql(bed.b, "UPDATE tenantmv.applied SET %s", changes[i]);
        assert_done(append(&bed, 1, &result, &err), &err);
        assert_string_equal(result.store_id, "shared");
        tmv_router_get_stats(bed.router, &stats);
        assert_int_equal(stats.dual_writes, 1);
        assert_int_equal(stats.dual_write_failures, 1);
        assert_int_equal(count_events(bed.a), 2);
        assert_int_equal(count_events(bed.b), 1);
        close_bed(&bed);
    }
}

static void writes_on_when_the_target_is_away(void **state)
{
    struct bed bed;
    struct tmv_uuid migration;
    struct tmv_append_result result;
    struct tmv_router_stats stats;
    struct tmv_error err = {0};

    (void)state;
    open_stores(&bed, false);
    begin_dual_write(&bed, &migration);
    support_sql(bed.a, "ALTER DATABASE %s ALLOW_CONNECTIONS false", pgx_database(bed.b));
    for (int64_t i = 0; i < 5; i++)
        assert_done(append(&bed, i, &result, &err), &err);
    tmv_router_get_stats(bed.router, &stats);
    assert_int_equal(stats.dual_writes, 0);
    assert_true(stats.dual_write_failures >= 1);
    assert_int_equal(count_events(bed.a), 5);
    close_bed(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads_where_the_route_says),
        cmocka_unit_test(sends_tenants_without_a_route_to_the_default_store),
        cmocka_unit_test(says_which_store_is_unknown),
        cmocka_unit_test(follows_an_announced_route_at_once),
        cmocka_unit_test(listens_again_after_its_connection_broke),
        cmocka_unit_test(goes_on_while_the_control_database_is_away),
        cmocka_unit_test(lists_own_and_registered_stores),
        cmocka_unit_test(repeats_a_moved_write_on_the_new_home),
        cmocka_unit_test(leaves_the_opening_to_the_engine_without_the_right),
        cmocka_unit_test(waits_while_the_store_is_closed),
        cmocka_unit_test(says_closed_when_the_time_is_over),
        cmocka_unit_test(pauses_the_writes_of_one_tenant),
        cmocka_unit_test(repeats_a_race_that_any_version_may_win),
        cmocka_unit_test(warms_up_the_target_before_it_is_needed),
        cmocka_unit_test(repeats_an_append_that_did_not_happen),
        cmocka_unit_test(finds_an_append_that_happened_although_its_answer_was_lost),
        cmocka_unit_test(follows_a_lost_append_to_the_new_home),
        cmocka_unit_test(says_unknown_while_the_store_stays_away),
        cmocka_unit_test(replaces_connections_that_died_while_idle),
        cmocka_unit_test(reports_real_duplicates),
        cmocka_unit_test(mirrors_events_with_the_same_values_and_positions),
        cmocka_unit_test(mirrors_nothing_after_an_abort_or_a_change_of_owner),
        cmocka_unit_test(writes_on_when_the_target_is_away),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}

#include "support/router_bed.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "test.h"

struct tmv_new_event router_bed_event(void)
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

void router_bed_stores(struct router_bed *bed, bool partitioned)
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

void router_bed_router(struct router_bed *bed, struct tmv_router_options options)
{
    struct tmv_error err = {0};

    options.control_conninfo = bed->control;
    assert_done(tmv_router_open(&options, &bed->router, &err), &err);
}

void router_bed_open(struct router_bed *bed)
{
    router_bed_stores(bed, false);
    router_bed_router(bed, (struct tmv_router_options){.connections_per_store = 4});
}

void router_bed_close(struct router_bed *bed)
{
    tmv_router_close(bed->router);
    pgx_close(bed->control_conn);
    pgx_close(bed->a);
    pgx_close(bed->b);
}

bool router_bed_append(struct router_bed *bed, int64_t expected, struct tmv_append_result *result,
                       struct tmv_error *err)
{
    struct tmv_new_event event = router_bed_event();
    struct tmv_append what = {
        .stream = &bed->stream, .expected_version = expected, .events = &event, .count = 1};

    return tmv_router_append(bed->router, &what, result, err);
}

int64_t router_bed_count(struct pgx_conn *conn)
{
    return support_int(conn, "SELECT count(*) FROM public.events");
}

/* Polls until a condition on the router holds. */
void router_bed_wait(struct router_bed *bed, bool (*holds)(struct tmv_router *router))
{
    int64_t end = clock_now_us() + SUPPORT_TIMEOUT_US;

    while (!holds(bed->router)) {
        if (clock_now_us() > end)
            fail_msg("the router never got there");
        stop_sleep(NULL, 1000);
    }
}

bool router_bed_listens(struct tmv_router *router)
{
    pthread_mutex_lock(&router->lock);
    bool listening = router->listening;
    pthread_mutex_unlock(&router->lock);
    return listening;
}

bool router_bed_holds_writers(struct tmv_router *router)
{
    struct tmv_router_stats stats;

    tmv_router_get_stats(router, &stats);
    return stats.waiting_writers > 0;
}

/* ---- a writer in a thread of its own ---- */

static void *write_one(void *arg)
{
    struct router_writer *w = arg;

    w->ok =
        tmv_router_append(w->bed->router, &(struct tmv_append){&w->stream, w->expected, w->events, w->count},
                          &w->result, &w->err);
    return NULL;
}

void router_bed_start(struct router_writer *w, struct router_bed *bed, size_t count, int64_t expected)
{
    *w = (struct router_writer){.bed = bed, .stream = bed->stream, .count = count, .expected = expected};
    for (size_t i = 0; i < count; i++)
        w->events[i] = router_bed_event();
    assert_int_equal(pthread_create(&w->thread, NULL, write_one, w), 0);
}

/* ---- the real guard ---- */

struct guard router_bed_guard(struct router_bed *bed, struct pgx_conn *conn, const struct store_shape *shape,
                              enum fence_state state)
{
    struct guard guard = {.shape = shape,
                          .tenant = bed->stream.tenant,
                          .migration = tmv_uuid_random(),
                          .owner_epoch = ROUTER_BED_OWNER_EPOCH};
    struct tmv_error err = {0};
    struct guard_installed installed;

    assert_done(guard_prepare_store(conn, shape, &err), &err);
    assert_done(guard_identify(conn, &guard, &err), &err);
    assert_done(guard_raise_owner(conn, &guard, &err), &err);
    assert_done(guard_prepare_fence(conn, &guard, state, 600, ROUTER_BED_PLACEMENT - 1, &err), &err);
    assert_done(guard_install(conn, &guard, GUARD_ROWS, SUPPORT_TIMEOUT_US, &installed, &err), &err);
    return guard;
}

void router_bed_discover(struct router_bed *bed)
{
    struct tmv_error err = {0};

    assert_done(store_shape_discover(bed->a, "", "", &bed->a_shape, &err), &err);
    assert_done(store_shape_discover(bed->b, "", "", &bed->b_shape, &err), &err);
}

void router_bed_fence(struct router_bed *bed, struct pgx_conn *conn, const char *state, int64_t epoch,
                      const char *store)
{
    support_sql(conn,
                "UPDATE tenantmv.fence SET state = '%s', placement_epoch = %lld, store_id = '%s'"
                " WHERE tenant_id = '%s'",
                state, (long long)epoch, store, bed->tenant);
}

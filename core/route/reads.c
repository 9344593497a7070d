/* Reads go where the tenant lives now. They change nothing, so a lost connection is simply replaced. */
#include "lib/err.h"
#include "lib/text.h"
#include "route/internal.h"
#include "route/retry.h"

/* One read: what to run on a connection, and with what. */
struct read {
    bool (*run)(struct pgx_conn *conn, const struct store_shape *shape, const struct read *read,
                struct tmv_error *err);
    const struct tmv_stream *stream;
    const struct store_range *range;
    const struct tmv_feed *feed;
    const struct tmv_uuid *tenant, *event_id;
    struct tmv_event_list *ret_list;
    int64_t *ret_version;
    bool *ret_exists;
};

static bool read_once(struct tmv_router *router, const struct tmv_uuid *tenant, const struct read *read,
                      int64_t deadline_us, struct tmv_error *err)
{
    struct pooled *pooled = NULL;
    struct route route = {0};

    if (tmv_uuid_is_nil(tenant)) {
        if (!router->default_store[0])
            return err_set(err, TMV_ERR_NOT_FOUND, "events without tenant need the router's default store");
        text_copy(route.store_id, sizeof route.store_id, router->default_store);
    } else if (!routes_get(router, tenant, deadline_us, &route, err)) {
        return false;
    }
    if (!pool_acquire(router, route.store_id, deadline_us, &pooled, err))
        return false;
    bool ok = read->run(pooled->conn, pooled->store->shape, read, err);
    pool_release(router, pooled);
    return ok || err_wrap(err, "store %s", route.store_id);
}

static bool read_anywhere(struct tmv_router *router, const struct tmv_uuid *tenant, const struct read *read,
                          struct tmv_error *err)
{
    int64_t deadline = clock_now_us() + router->timeout_us;

    for (int attempt = 1;; attempt++) {
        if (read_once(router, tenant, read, deadline, err))
            return true;
        if (retry_decide_read(err) != RETRY_LATER)
            return false;
        if (!stop_sleep(&router->stop, retry_pause_us(attempt)) || clock_now_us() >= deadline)
            return false;
    }
}

static bool run_stream(struct pgx_conn *conn, const struct store_shape *shape, const struct read *read,
                       struct tmv_error *err)
{
    return store_read_stream(conn, shape, read->range, read->ret_list, err);
}

static bool run_feed(struct pgx_conn *conn, const struct store_shape *shape, const struct read *read,
                     struct tmv_error *err)
{
    return store_read_feed(conn, shape, read->feed, read->ret_list, err);
}

static bool run_version(struct pgx_conn *conn, const struct store_shape *shape, const struct read *read,
                        struct tmv_error *err)
{
    return store_stream_version(conn, shape, read->stream, read->ret_version, err);
}

static bool run_exists(struct pgx_conn *conn, const struct store_shape *shape, const struct read *read,
                       struct tmv_error *err)
{
    return store_event_exists(conn, shape, read->tenant, read->event_id, read->ret_exists, err);
}

static bool check_limit(int limit, struct tmv_error *err)
{
    return (limit >= 1 && limit <= 10000) ||
           err_set(err, TMV_ERR_USAGE, "a read's limit is 1 to 10000, not %d", limit);
}

bool tmv_router_read_stream(struct tmv_router *router, const struct tmv_stream *stream, int64_t after_version,
                            int limit, struct tmv_event_list *ret_list, struct tmv_error *err)
{
    struct store_range range = {.stream = stream, .after_version = after_version, .limit = limit};
    struct read read = {.run = run_stream, .range = &range, .ret_list = ret_list};

    *ret_list = (struct tmv_event_list){0};
    return check_limit(limit, err) && read_anywhere(router, &stream->tenant, &read, err);
}

bool tmv_router_read_all(struct tmv_router *router, const struct tmv_feed *feed,
                         struct tmv_event_list *ret_list, struct tmv_error *err)
{
    struct read read = {.run = run_feed, .feed = feed, .ret_list = ret_list};

    *ret_list = (struct tmv_event_list){0};
    return check_limit(feed->limit, err) && read_anywhere(router, &feed->tenant, &read, err);
}

bool tmv_router_stream_version(struct tmv_router *router, const struct tmv_stream *stream,
                               int64_t *ret_version, struct tmv_error *err)
{
    struct read read = {.run = run_version, .stream = stream, .ret_version = ret_version};

    return read_anywhere(router, &stream->tenant, &read, err);
}

bool tmv_router_event_exists(struct tmv_router *router, const struct tmv_uuid *tenant,
                             const struct tmv_uuid *event_id, bool *ret_exists, struct tmv_error *err)
{
    struct read read = {.run = run_exists, .tenant = tenant, .event_id = event_id, .ret_exists = ret_exists};

    return read_anywhere(router, tenant, &read, err);
}

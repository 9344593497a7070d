/* DualWriteInterceptor: after a known commit on the source, one statement on the target. Nothing that happens
 * here can fail or hold up the write: it has happened already. While the target does not answer, mirrors rest
 * for a while. */
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "route/internal.h"
#include "sql_embedded.h"

#define MIRROR_US (250 * US_PER_MS)
#define MIRROR_REST_US (1 * US_PER_S)

bool dual_write_is_due(const struct tmv_router *router, const struct route *route)
{
    return router->dual_write && route->state == TMV_ROUTING_DUAL_WRITE && route->target_id[0] &&
           clock_now_us() >= route->mirror_after_us;
}

/* Columns that both have, and their values out of the copied row; then those that are emptied. The source's
 * types are named, so that a target that cannot hold a value refuses it instead of cutting it. */
static void list_columns(const struct store_shape *source, const struct store_shape *target,
                         struct buf *columns, struct buf *values)
{
    int place = 0;

    for (size_t i = 0; i < source->column_count; i++) {
        const struct store_column *from = &source->columns[i];
        const struct store_column *to = store_shape_column(target, from->name);

        if (!store_is_mirrored(from))
            continue;
        if (store_column_is_copied(from, to)) {
            buf_str(columns, columns->len ? ", " : "");
            pgx_ident(columns, from->name);
            buf_printf(values, "%s(r.v->>%d)::%s", values->len ? ", " : "", place, from->type);
        }
        place++;
    }
    for (size_t i = 0; i < target->column_count; i++) {
        if (!store_column_is_emptied(source, &target->columns[i]))
            continue;
        buf_str(columns, ", ");
        pgx_ident(columns, target->columns[i].name);
        buf_str(values, ", NULL");
    }
}

static bool read_epoch(struct pooled *target, const struct tmv_uuid *tenant, const struct route *route,
                       int64_t *ret_epoch, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    *ret_epoch = route->mirror_epoch;
    if (*ret_epoch)
        return true;
    if (!pgx_query(target->conn, MIRROR_US, sql_route_mirror_epoch,
                   PGX_ARGS(PGX_UUID(&route->migration), PGX_UUID(tenant),
                            PGX_INT(target->store->shape->relation_oid)),
                   &result, err))
        return false;
    if (pgx_rows(result) == 0)
        return err_set(err, TMV_ERR_CLOSED, "the migration takes no mirrored events");
    *ret_epoch = pgx_int(result, 0, 0);
    return true;
}

static bool mirror_rows(struct pooled *target, const struct store_shape *source, struct pgx_args args,
                        struct tmv_error *err)
{
    AUTO(buf) struct buf columns = BUF_INIT(10000);
    AUTO(buf) struct buf values = BUF_INIT(10000);
    AUTO(buf) struct buf sql = BUF_INIT(30000);
    AUTO_RESULT struct pgx_result *result = NULL;

    list_columns(source, target->store->shape, &columns, &values);
    const struct pgx_var extra[] = {{"columns", buf_text(&columns)}, {"values", buf_text(&values)}};
    if (!buf_ok(&columns, err) || !buf_ok(&values, err) ||
        !store_sql(&sql, sql_route_mirror, target->store->shape, extra, ARRAY_LEN(extra), err) ||
        !pgx_query(target->conn, MIRROR_US, buf_text(&sql), args, &result, err))
        return false;
    if (pgx_int(result, 0, 0) == 0)
        return err_set(err, TMV_ERR_OWNERSHIP, "the migration takes no mirrored events any more");
    return true;
}

static bool mirror(struct tmv_router *router, const struct tmv_uuid *tenant, const struct route *route,
                   const struct store_shape *source, const char *copy, struct tmv_error *err)
{
    struct pooled *target = NULL;
    int64_t epoch = 0;

    if (!pool_acquire(router, route->target_id, clock_now_us() + MIRROR_US, &target, err))
        return false;
    bool ok =
        read_epoch(target, tenant, route, &epoch, err) &&
        mirror_rows(target, source,
                    PGX_ARGS(PGX_UUID(&route->migration), PGX_UUID(tenant), PGX_INT(epoch), PGX_TEXT(copy)),
                    err);
    pool_release(router, target);
    if (ok && epoch != route->mirror_epoch)
        routes_note_mirror(router, tenant, epoch, 0);
    return ok;
}

void dual_write_mirror(struct tmv_router *router, const struct tmv_uuid *tenant, const struct route *route,
                       const struct store_shape *source, const char *copy)
{
    struct tmv_error err;
    bool ok = mirror(router, tenant, route, source, copy, &err);

    if (!ok) {
        log_error(TMV_LOG_DEBUG, "an event was not mirrored; the tail will bring it", &err);
        routes_note_mirror(router, tenant, 0, clock_now_us() + MIRROR_REST_US);
    }
    pthread_mutex_lock(&router->lock);
    router->stats.dual_writes += ok;
    router->stats.dual_write_failures += !ok;
    pthread_mutex_unlock(&router->lock);
}

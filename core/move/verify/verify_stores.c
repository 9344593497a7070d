/* Verification of two stores without a migration: whatever the tenant has on either, wherever it lies. */
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "move/shared/worker_pool.h"
#include "move/verify/verify_range.h"
#include "sql_embedded.h"

#define DEFAULT_WORKERS 2

/* Widens the span to the positions that a table has; below 1 too, where no copy has looked. */
static bool widen(struct pgx_conn *conn, const struct store_shape *shape, const struct tmv_verify_options *o,
                  struct position_span *span, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(VERIFY_SQL_MAX);
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!store_sql(&sql, sql_verify_bounds, shape, NULL, 0, err) ||
        !pgx_query(conn, VERIFY_RANGE_TIMEOUT_US, buf_text(&sql), PGX_NONE, &result, err))
        return false;
    int64_t lowest = pgx_int(result, 0, 0);
    int64_t highest = pgx_int(result, 0, 1);
    if (o->from == 0 && lowest <= span->low)
        span->low = lowest == INT64_MIN ? INT64_MIN : lowest - 1;
    if (o->to == 0 && highest > span->high)
        span->high = highest;
    return true;
}

static bool check_options(const struct tmv_verify_options *o, struct tmv_error *err)
{
    if ((unsigned)o->level >= TMV_VERIFY_LEVELS || o->workers < 0 || o->workers > WORKER_POOL_MAX)
        return err_set(err, TMV_ERR_USAGE, "no such level, or more than %d workers", WORKER_POOL_MAX);
    if (o->sample_percent < 0 || o->sample_percent > 100)
        return err_set(err, TMV_ERR_USAGE, "a sample of %s percent", DECIMAL(o->sample_percent, 2));
    if (o->sample_percent > 0 && o->level == TMV_VERIFY_COUNT) {
        err_set(err, TMV_ERR_USAGE, "COUNT looks at whole streams, not at a sample");
        return err_hint(err, "use level hash or full");
    }
    return true;
}

bool tmv_verify_stores(const struct tmv_verify_options *options, struct tmv_verify_report *ret_report,
                       struct tmv_error *err)
{
    const struct tmv_store_info *source = options->source;
    const struct tmv_store_info *target = options->target;
    AUTO_CONN struct pgx_conn *from_conn = NULL;
    AUTO_CONN struct pgx_conn *to_conn = NULL;
    AUTO_FREE struct endpoints *endpoints = calloc(1, sizeof *endpoints);
    struct verifier_task task = {.endpoints = endpoints,
                                 .level = options->level,
                                 .span = {.low = options->from, .high = options->to},
                                 .workers = options->workers ? options->workers : DEFAULT_WORKERS,
                                 .sample_percent = options->sample_percent,
                                 .sample_seed = options->sample_seed};

    if (!endpoints)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (!check_options(options, err))
        return false;
    tmv_uuid_format(&options->tenant, endpoints->tenant);
    endpoints->source_store = *source;
    endpoints->target_store = *target;
    if (!endpoints_connect_source(endpoints, "verify", &from_conn, err) ||
        !endpoints_connect_target(endpoints, "verify", &to_conn, err) ||
        !store_shape_discover(from_conn, source->events_schema, source->events_table, &endpoints->source,
                              err) ||
        !store_shape_discover(to_conn, target->events_schema, target->events_table, &endpoints->target, err))
        return false;
    if (options->leave_columns) {
        store_shape_leave(&endpoints->source, options->leave_columns);
        store_shape_leave(&endpoints->target, options->leave_columns);
    }
    if (!widen(from_conn, &endpoints->source, options, &task.span, err) ||
        !widen(to_conn, &endpoints->target, options, &task.span, err))
        return false;
    task.whole = options->from == 0 && options->to == 0;
    task.source = from_conn;
    task.target = to_conn;
    return verifier_run(&task, ret_report, err);
}

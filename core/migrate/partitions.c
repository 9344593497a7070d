#include "migrate/partitions.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "sql_embedded.h"

#define PARTITIONS_TIMEOUT_US (30 * US_PER_S)
#define STATEMENTS_MAX 3 /* are printed; the first make room for the next try */

bool partitions_missing(struct pgx_conn *source, const struct store_shape *source_shape,
                        struct pgx_conn *target, const struct store_shape *target_shape,
                        struct buf *ret_statements, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *leaves = NULL;
    AUTO_RESULT struct pgx_result *missing = NULL;

    if (!source_shape->partitioned || !target_shape->partitioned)
        return true;
    if (!pgx_query(source, PARTITIONS_TIMEOUT_US, sql_partitions_list,
                   PGX_ARGS(PGX_INT(source_shape->relation_oid)), &leaves, err) ||
        !pgx_query(target, PARTITIONS_TIMEOUT_US, sql_partitions_missing,
                   PGX_ARGS(PGX_INT(target_shape->relation_oid), PGX_TEXT(pgx_text(leaves, 0, 0))), &missing,
                   err))
        return err_wrap(err, "comparing the partitions of both stores");
    for (int i = 0; i < pgx_rows(missing) && i < STATEMENTS_MAX; i++)
        buf_printf(ret_statements, "%s%s", i ? " " : "", pgx_text(missing, i, 0));
    return buf_ok(ret_statements, err);
}

bool partitions_explain(const struct ends *ends, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *source = NULL;
    AUTO_CONN struct pgx_conn *target = NULL;
    AUTO(buf) struct buf statements = BUF_INIT(8000);
    struct tmv_error ignored;

    if (!ends_connect_source(ends, "partitions", &source, &ignored) ||
        !ends_connect_target(ends, "partitions", &target, &ignored) ||
        !partitions_missing(source, &ends->source, target, &ends->target, &statements, &ignored) ||
        statements.len == 0)
        return false;
    err_set(err, TMV_ERR_CONFLICT, "the target lacks a partition of the source that an event needs");
    err_hint(err, "run on the target: %.350s", buf_text(&statements));
    return true;
}

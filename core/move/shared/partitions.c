#include "move/shared/partitions.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "sql_embedded.h"

#define PARTITIONS_TIMEOUT_US (30 * US_PER_S)
#define STATEMENTS_MAX 360 /* a hint's length, without what it begins with */

/* The statements that would make, on the target, what it lacks: as many as fit whole; "" when it lacks none,
 * has a default partition, or is partitioned another way. */
static bool list_missing(const struct endpoints *endpoints, struct pgx_conn *source, struct pgx_conn *target,
                         char statements[STATEMENTS_MAX], struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *list = NULL;
    AUTO_RESULT struct pgx_result *missing = NULL;

    statements[0] = '\0';
    if (!endpoints->source.partitioned || !endpoints->target.partitioned)
        return true;
    if (!pgx_query(source, PARTITIONS_TIMEOUT_US, sql_partitions_list,
                   PGX_ARGS(PGX_INT(endpoints->source.relation_oid)), &list, err) ||
        !pgx_query(target, PARTITIONS_TIMEOUT_US, sql_partitions_missing,
                   PGX_ARGS(PGX_INT(endpoints->target.relation_oid), PGX_TEXT(pgx_text(list, 0, 0))),
                   &missing, err))
        return err_wrap(err, "comparing the partitions of both stores");
    pgx_fold(missing, 1, " ", ": tenantmv preflight prints them", statements, STATEMENTS_MAX);
    return true;
}

bool partitions_explain(const struct endpoints *endpoints, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *source = NULL;
    AUTO_CONN struct pgx_conn *target = NULL;
    char statements[STATEMENTS_MAX];
    struct tmv_error ignored;

    if (!endpoints_connect_source(endpoints, "partitions", &source, &ignored) ||
        !endpoints_connect_target(endpoints, "partitions", &target, &ignored) ||
        !list_missing(endpoints, source, target, statements, &ignored) || !statements[0])
        return false;
    err_set(err, TMV_ERR_CONFLICT, "the %s lacks a partition of the %s that an event needs",
            endpoints_target_name(endpoints), endpoints_source_name(endpoints));
    err_hint(err, "run on the %s: %s", endpoints_target_name(endpoints), statements);
    return true;
}

#include "move/verify/verify_total.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/text.h"
#include "move/verify/verify_range.h"
#include "sql_embedded.h"

static bool send_total(const struct verifier_task *task, enum verify_side side,
                       const struct position_span *span, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(VERIFY_SQL_MAX);
    const struct store_shape *shape = side == SOURCE ? &task->endpoints->source : &task->endpoints->target;

    return store_sql(&sql, sql_verify_total, shape, NULL, 0, err) &&
           pgx_send(side == SOURCE ? task->source : task->target, buf_text(&sql),
                    PGX_ARGS(PGX_INT(span->low), PGX_INT(span->high), PGX_TEXT(task->endpoints->tenant)),
                    err);
}

static bool receive_total(struct pgx_conn *conn, int64_t deadline_us, struct tenant_total *ret_total,
                          struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;
    int64_t left_us = deadline_us - clock_now_us();

    if (!pgx_receive(conn, left_us > 0 ? left_us : 1, &row, err))
        return false;
    *ret_total = (struct tenant_total){.all = pgx_int(row, 0, 0), .inside = pgx_int(row, 0, 1)};
    return true;
}

bool verifier_total(const struct verifier_task *task, const struct position_span *span, int64_t timeout_us,
                    struct tenant_total totals[SIDE_COUNT], struct tmv_error *err)
{
    int64_t deadline_us = clock_now_us() + timeout_us;

    return send_total(task, SOURCE, span, err) && send_total(task, TARGET, span, err) &&
                   receive_total(task->source, deadline_us, &totals[SIDE_SOURCE], err) &&
                   receive_total(task->target, deadline_us, &totals[SIDE_TARGET], err)
               ? true
               : err_wrap(err, "comparing the total of the tenant's events");
}

bool verifier_totals_equal(const struct tenant_total *source, const struct tenant_total *target)
{
    return source->all == target->all && source->inside == target->inside;
}

void verifier_note_total(struct tmv_verify_report *report, const struct tenant_total *source,
                         const struct tenant_total *target)
{
    int64_t missing = source->all - target->all;
    int64_t outside = source->all - source->inside + target->all - target->inside;
    struct tmv_verify_report part = {.differences = 1};
    struct tmv_difference *d = &part.found[0];

    text_copy(d->kind, sizeof d->kind, missing > 0 ? "missing" : missing < 0 ? "extra" : "differs");
    d->position = report->from_position;
    snprintf(d->columns, sizeof d->columns,
             "total: source %" PRId64 ", target %" PRId64 " events, %" PRId64
             " outside the compared positions",
             source->all, target->all, outside);
    verifier_merge(report, &part);
}

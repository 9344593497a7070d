/* How a tenant's events lie over the positions of its store: an estimate from a sample of the table, used to
 * cut positions into ranges that hold about equally many of its events. An estimate decides how long a step
 * takes and nothing else: ranges that it cuts badly are only larger or smaller. */
#pragma once

#include "store/shape.h"

#define POSITION_PLAN_BOUNDS 256

/* Positions (low, high]. */
struct position_span {
    int64_t low, high;
};

struct position_plan {
    struct position_span span;
    int64_t events;     /* estimated events of the tenant in it */
    double share;       /* of the sampled events that are the tenant's, 0 … 1 */
    bool dense;         /* a large share of the table: read by the primary key, whatever the statistics say */
    size_t bound_count; /* 0: nothing known, the events are taken as spread evenly */
    int64_t bounds[POSITION_PLAN_BOUNDS]; /* ascending; between two neighbours lie equally many events */
};

/* Looks at a sample of the table (at most some megabytes, whatever its size). */
TMV_NODISCARD bool position_plan_make(struct pgx_conn *conn, const struct store_shape *shape,
                                      const char *tenant, const struct position_span *span,
                                      struct position_plan *ret_plan, struct tmv_error *err);
/* The end of a range that begins at `low` and holds about `events` events: beyond `low`, at most
 * plan->span.high. Pure. */
int64_t position_plan_next(const struct position_plan *plan, int64_t low, int64_t events);
/* The end of a piece of `size` (at least 1) positions that begins at `low` and ends at `high` at the latest.
 * No sum overflows at the ends of bigint. Pure. */
int64_t position_step(int64_t low, int64_t high, int64_t size);
/* The end of a piece of about `rows` rows of any tenant (at least 1) from the beginning of a span, by one
 * look at the primary key: span->high when there are fewer, however wide the span is. */
TMV_NODISCARD bool position_after_rows(struct pgx_conn *conn, const struct store_shape *shape,
                                       const struct position_span *span, int64_t rows, int64_t *ret_position,
                                       struct tmv_error *err);
/* How many positions a span has, at most INT64_MAX. Pure. */
int64_t position_width(const struct position_span *span);
/* Events per range, when `wanted` is what one would like: more when every range costs a pass over the
 * tenant's index. Pure. */
int64_t position_plan_step(const struct position_plan *plan, int64_t wanted);

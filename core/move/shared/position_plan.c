/* The sample is taken by pages, so its cost does not grow with the table. A tenant that hardly shows in it is
 * counted through its own index, up to a bound and for a bounded time. */
#include "move/shared/position_plan.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/text.h"
#include "sql_embedded.h"

#define SAMPLE_PAGES 1500  /* 12 MB: some 10,000 events of 1 KB */
#define SAMPLE_ENOUGH 200  /* events of the tenant in a sample that is worth believing */
#define COUNT_BOUND 200000 /* events counted exactly at most */
#define COUNT_TIMEOUT_US (5 * US_PER_S)
#define SAMPLE_TIMEOUT_US (120 * US_PER_S)
#define DENSE_SHARE 0.10 /* from here on the primary key's order is the cheaper way through the table */
#define SPARSE_RANGES 32 /* ranges at most when each may pass over the tenant's whole index */
#define RANGE_EVENTS_MAX (INT64_C(1) << 40)

/* What a sample query returned: rows of (upper bound, events), ascending; the first row holds the sample's
 * size. */
struct sample {
    int64_t rows; /* of all tenants */
    int64_t mine;
};

static struct sample read_sample(const struct pgx_result *result, struct position_plan *plan)
{
    struct sample s = {.rows = pgx_int(result, 0, 1)};

    plan->bound_count = 0;
    for (int row = 1; row < pgx_rows(result) && plan->bound_count < POSITION_PLAN_BOUNDS; row++) {
        plan->bounds[plan->bound_count++] = pgx_int(result, row, 0);
        s.mine += pgx_int(result, row, 1);
    }
    return s;
}

/* One look at the tenant's events. */
struct look {
    const struct store_shape *shape;
    struct pgx_args args; /* low, high, tenant */
};

static bool run_sample(struct pgx_conn *conn, const struct look *look, const char *template, double percent,
                       struct pgx_result **ret_result, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(8000);
    char percent_text[TEXT_DECIMAL_MAX];
    char bounds[24];
    char most[24];

    snprintf(bounds, sizeof bounds, "%d", POSITION_PLAN_BOUNDS);
    snprintf(most, sizeof most, "%d", COUNT_BOUND);
    const struct pgx_var vars[] = {
        {"percent", text_decimal(percent, 6, percent_text)}, {"bounds", bounds}, {"most", most}};
    return store_sql(&sql, template, look->shape, vars, ARRAY_LEN(vars), err) &&
           pgx_query(conn, SAMPLE_TIMEOUT_US, buf_text(&sql), look->args, ret_result, err);
}

/* Share of the pages to look at, in percent. */
static bool sample_percent(struct pgx_conn *conn, const struct store_shape *shape, double *ret_percent,
                           struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(conn, SAMPLE_TIMEOUT_US, sql_copy_table_pages, PGX_ARGS(PGX_INT(shape->relation_oid)),
                   &result, err))
        return false;
    int64_t pages = pgx_int(result, 0, 0);
    *ret_percent = pages <= SAMPLE_PAGES ? 100 : 100.0 * SAMPLE_PAGES / (double)pages;
    return true;
}

/* Counts the tenant's events through its index. A count that takes too long is given up: *ret_known false. */
static bool count_small(struct pgx_conn *conn, const struct look *look, struct position_plan *plan,
                        bool *ret_known, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    AUTO(buf) struct buf limit = BUF_INIT(100);
    char limit_ms[24];

    snprintf(limit_ms, sizeof limit_ms, "%" PRId64, COUNT_TIMEOUT_US / US_PER_MS);
    *ret_known = false;
    const struct pgx_var vars[] = {{"milliseconds", limit_ms}};
    if (!pgx_expand(&limit, sql_copy_statement_limit, vars, ARRAY_LEN(vars), err) ||
        !pgx_begin(conn, SAMPLE_TIMEOUT_US, err) ||
        !pgx_script(conn, SAMPLE_TIMEOUT_US, buf_text(&limit), 0, NULL, err))
        return false;
    bool done = run_sample(conn, look, sql_copy_sample_tenant, 100, &result, err);
    pgx_rollback(conn, SAMPLE_TIMEOUT_US);
    if (!done)
        return err_is_sqlstate(err, "57014"); /* the limit; any other error is one */
    int64_t counted = read_sample(result, plan).mine;
    *ret_known = counted < COUNT_BOUND;
    if (*ret_known || counted > plan->events)
        plan->events = counted;
    return true;
}

bool position_plan_make(struct pgx_conn *conn, const struct store_shape *shape, const char *tenant,
                        const struct position_span *span, struct position_plan *ret_plan,
                        struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    const struct look look = {.shape = shape,
                              .args = PGX_ARGS(PGX_INT(span->low), PGX_INT(span->high), PGX_TEXT(tenant))};
    double percent;
    bool known = false;

    *ret_plan = (struct position_plan){.span = *span};
    if (!sample_percent(conn, shape, &percent, err) ||
        !run_sample(conn, &look, sql_copy_sample, percent, &result, err))
        return err_wrap(err, "estimating the tenant's events");
    struct sample s = read_sample(result, ret_plan);
    ret_plan->events = (int64_t)((double)s.mine * 100 / percent);
    ret_plan->share = s.rows > 0 ? (double)s.mine / (double)s.rows : 0;
    ret_plan->dense = ret_plan->share >= DENSE_SHARE;
    if (percent >= 100 || s.mine >= SAMPLE_ENOUGH)
        return true;
    if (s.mine == 0)
        ret_plan->events = (int64_t)(100 / percent); /* what a sample of this size may just have missed */
    if (!count_small(conn, &look, ret_plan, &known, err))
        return err_wrap(err, "counting the tenant's events");
    if (!known)
        ret_plan->bound_count = 0; /* too few in the sample, or only the first ones by the index */
    return true;
}

bool position_after_rows(struct pgx_conn *conn, const struct store_shape *shape,
                         const struct position_span *span, int64_t rows, int64_t *ret_position,
                         struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!store_sql(&sql, sql_position_after_rows, shape, NULL, 0, err) ||
        !pgx_query(conn, SAMPLE_TIMEOUT_US, buf_text(&sql),
                   PGX_ARGS(PGX_INT(span->low), PGX_INT(span->high), PGX_INT(rows)), &row, err))
        return err_wrap(err, "looking for the end of a range");
    *ret_position = pgx_int(row, 0, 0);
    return true;
}

int64_t position_width(const struct position_span *span)
{
    uint64_t width = (uint64_t)span->high - (uint64_t)span->low;

    return span->high <= span->low ? 0 : width > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)width;
}

int64_t position_step(int64_t low, int64_t high, int64_t size)
{
    return low >= high || (uint64_t)high - (uint64_t)low <= (uint64_t)size ? high : low + size;
}

/* The bucket's ends: (low, high]. The last one goes to the end of the plan. */
static int64_t bucket_low(const struct position_plan *plan, size_t i)
{
    return i == 0 ? plan->span.low : plan->bounds[i - 1];
}

static int64_t bucket_high(const struct position_plan *plan, size_t i)
{
    return i + 1 >= plan->bound_count ? plan->span.high : plan->bounds[i];
}

int64_t position_plan_next(const struct position_plan *plan, int64_t low, int64_t events)
{
    size_t buckets = plan->bound_count ? plan->bound_count : 1;
    double each = (double)plan->events / (double)buckets;
    double left = (double)events;

    if (plan->events <= events || events <= 0 || low >= plan->span.high)
        return plan->span.high;
    for (size_t i = 0; i < buckets; i++) {
        int64_t from = bucket_low(plan, i);
        int64_t to = bucket_high(plan, i);

        if (to <= low || to <= from)
            continue;
        int64_t start = low > from ? low : from;
        double width = (double)position_width(&(struct position_span){from, to});
        double rest = (double)position_width(&(struct position_span){start, to});
        double here = each * rest / width;
        if (here >= left) {
            double step = left / each * width;
            /* Near the ends of bigint a double is rounded by more than one position. */
            int64_t high = step < 1 ? start + 1 : step >= rest ? to : position_step(start, to, (int64_t)step);
            return high <= low ? low + 1 : high < plan->span.high ? high : plan->span.high;
        }
        left -= here;
    }
    return plan->span.high;
}

int64_t position_plan_step(const struct position_plan *plan, int64_t wanted)
{
    int64_t least = plan->events / SPARSE_RANGES;

    if (plan->dense || wanted >= least)
        return wanted;
    return least < RANGE_EVENTS_MAX ? least : RANGE_EVENTS_MAX;
}

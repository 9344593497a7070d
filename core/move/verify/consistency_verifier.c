/* Guarantees: what it calls equal has the same events with the same bytes in every copied column (HASH,
 * FULL), or the same streams with as many events (COUNT); it changes nothing; its memory does not grow with
 * the tenant. Both servers work at the same time, on as many ranges as there are workers. */
#include "move/verify/consistency_verifier.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/lock.h"
#include "lib/text.h"
#include "move/shared/worker_pool.h"
#include "move/shared/row_hash.h"
#include "move/verify/verify_range.h"
#include "move/verify/verify_total.h"
#include "sql_embedded.h"

#define RANGE_EVENTS 50000
#define SAMPLE_BLOCK_EVENTS 1000
#define SAMPLED_FROM_POSITIONS 400000 /* shorter spans are cut evenly, without a look at the table */

static const char *const levels[TMV_VERIFY_LEVELS] = {
    [TMV_VERIFY_COUNT] = "count", [TMV_VERIFY_HASH] = "hash", [TMV_VERIFY_FULL] = "full"};

const char *tmv_verify_level_name(enum tmv_verify_level level)
{
    return (unsigned)level < TMV_VERIFY_LEVELS ? levels[level] : "?";
}

/* ---- digests ---- */

static int64_t seeds[2];
static pthread_once_t seeds_once = PTHREAD_ONCE_INIT;

static void choose_seeds(void)
{
    const struct tmv_uuid chance = tmv_uuid_random();

    _Static_assert(sizeof seeds == sizeof chance.bytes, "a UUID has the bytes of two seeds");
    memcpy(seeds, chance.bytes, sizeof seeds);
}

const int64_t *verifier_seeds(void)
{
    pthread_once(&seeds_once, choose_seeds);
    return seeds;
}

static bool expand_digest(const char *template, const struct store_shape *side, const struct buf *record,
                          bool dense, struct buf *ret_sql, struct tmv_error *err)
{
    char seed[2][40];

    for (size_t i = 0; i < ARRAY_LEN(seed); i++)
        snprintf(seed[i], sizeof seed[i], "'%" PRId64 "'::bigint", verifier_seeds()[i]);
    if (!buf_ok(record, err))
        return false;
    const struct pgx_var vars[] = {{"record", buf_text(record)},
                                   {"barrier", dense ? "OFFSET 0" : ""},
                                   {"seed_1", seed[0]},
                                   {"seed_2", seed[1]}};
    return store_sql(ret_sql, template, side, vars, ARRAY_LEN(vars), err);
}

static bool digest_sql(const struct store_shape *const both[SIDES], const struct store_shape *side,
                       bool dense, struct buf *ret_sql, struct tmv_error *err)
{
    AUTO(buf) struct buf record = BUF_INIT(VERIFY_RECORD_MAX);

    row_hash_record(both[SOURCE], both[TARGET], side, &record);
    return expand_digest(sql_verify_digest, side, &record, dense, ret_sql, err);
}

bool verifier_digest_sql(const struct store_shape *source, const struct store_shape *target,
                         const struct store_shape *side, struct buf *ret_sql, struct tmv_error *err)
{
    const struct store_shape *const both[SIDES] = {source, target};

    return digest_sql(both, side, true, ret_sql, err);
}

bool verifier_ordinal_digest_sql(const struct store_shape *source, const struct store_shape *target,
                                 const struct store_shape *side, struct buf *ret_sql, struct tmv_error *err)
{
    AUTO(buf) struct buf record = BUF_INIT(VERIFY_RECORD_MAX);

    row_hash_record_in_order(source, target, side, &record);
    return expand_digest(sql_verify_digest_ordinal, side, &record, true, ret_sql, err);
}

void verifier_read_digest(const struct pgx_result *result, struct range_digest *ret_digest)
{
    memset(ret_digest, 0, sizeof *ret_digest);
    ret_digest->events = pgx_int(result, 0, 0);
    for (int i = 0; i < (int)ARRAY_LEN(ret_digest->sums); i++)
        text_copy(ret_digest->sums[i], sizeof ret_digest->sums[i], pgx_text(result, 0, i + 1));
}

bool range_digest_equal(const struct range_digest *a, const struct range_digest *b)
{
    bool equal = a->events == b->events;

    for (size_t i = 0; i < ARRAY_LEN(a->sums); i++)
        equal = equal && strcmp(a->sums[i], b->sums[i]) == 0;
    return equal;
}

/* ---- what several workers share ---- */

struct verification {
    const struct verifier_task *task;
    const struct store_shape *shape[SIDES];
    struct buf digest[SIDES]; /* statements of HASH */
    bool dense[SIDES];
    struct position_plan plan;
    int64_t step;  /* events per range; of a sample: positions per block */
    int64_t began; /* monotonic */
    pthread_mutex_t lock;
    /* under the lock: */
    int64_t next;                     /* low of the range that is handed out next */
    int64_t open[WORKER_POOL_MAX];    /* low of the range that a worker has; INT64_MAX none */
    int64_t first_unequal;            /* low of the lowest range that differs; INT64_MAX none */
    bool stopped;                     /* a worker failed */
    struct tmv_verify_report *report; /* the whole */
};

void verifier_merge(struct tmv_verify_report *whole, const struct tmv_verify_report *part)
{
    int64_t have = whole->differences < TMV_DIFFERENCES_MAX ? whole->differences : TMV_DIFFERENCES_MAX;
    int64_t more = part->differences < TMV_DIFFERENCES_MAX ? part->differences : TMV_DIFFERENCES_MAX;

    for (int64_t i = 0; i < more; i++) {
        int64_t at = have;

        while (at > 0 && whole->found[at - 1].position > part->found[i].position)
            at--;
        if (at == TMV_DIFFERENCES_MAX)
            break;
        int64_t behind = have - at - (have == TMV_DIFFERENCES_MAX);
        memmove(&whole->found[at + 1], &whole->found[at], (size_t)behind * sizeof whole->found[0]);
        whole->found[at] = part->found[i];
        have += have < TMV_DIFFERENCES_MAX;
    }
    whole->differences += part->differences;
    whole->events_source += part->events_source;
    whole->events_target += part->events_target;
    whole->to_remove += part->to_remove;
    whole->to_copy += part->to_copy;
    whole->consistent = whole->consistent && part->consistent;
}

/* Steele, Lea and Flood: Fast splittable pseudorandom number generators (OOPSLA 2014), finalizer of SplitMix.
 */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

bool verifier_samples_block(int64_t seed, double percent, int64_t block)
{
    const double two_to_53 = 9007199254740992.0;

    return (double)(mix(mix((uint64_t)seed) ^ (uint64_t)block) >> 11) / two_to_53 * 100 < percent;
}

/* The next block of a sample; blocks begin at multiples of their size, whatever the span. */
static bool next_block(struct verification *w, struct position_span *ret_range)
{
    const struct position_span *span = &w->task->span;

    while (w->next < span->high) {
        int64_t block = w->next / w->step - (w->next % w->step < 0);
        int64_t into = w->next - block * w->step;

        *ret_range = (struct position_span){.low = w->next,
                                            .high = position_step(w->next, span->high, w->step - into)};
        w->next = ret_range->high;
        if (verifier_samples_block(w->task->sample_seed, w->task->sample_percent, block))
            return true;
    }
    return false;
}

static bool take_range(struct verification *w, int member, struct position_span *ret_range)
{
    bool found = false;

    pthread_mutex_lock(&w->lock);
    if (!w->stopped && w->task->sample_percent > 0) {
        found = next_block(w, ret_range);
    } else if (!w->stopped && w->next < w->task->span.high) {
        ret_range->low = w->next;
        ret_range->high = w->next = position_plan_next(&w->plan, w->next, w->step);
        found = true;
    }
    w->open[member] = found ? ret_range->low : INT64_MAX;
    pthread_mutex_unlock(&w->lock);
    return found;
}

/* How far everything is equal: up to the lowest range that is still open, not begun, or different. */
static int64_t equal_to(const struct verification *w)
{
    int64_t low = w->next < w->first_unequal ? w->next : w->first_unequal;

    for (size_t i = 0; i < ARRAY_LEN(w->open); i++)
        if (w->open[i] < low)
            low = w->open[i];
    return low;
}

static void give_range(struct verification *w, int member, const struct position_span *range,
                       const struct tmv_verify_report *part)
{
    pthread_mutex_lock(&w->lock);
    if (!part->consistent && range->low < w->first_unequal)
        w->first_unequal = range->low;
    w->open[member] = INT64_MAX;
    verifier_merge(w->report, part);
    if (w->task->sample_percent <= 0)
        w->report->equal_to = equal_to(w);
    pthread_mutex_unlock(&w->lock);
}

static void stop_all(void *user)
{
    struct verification *w = user;

    pthread_mutex_lock(&w->lock);
    w->stopped = true;
    pthread_mutex_unlock(&w->lock);
}

/* ---- a worker ---- */

static bool check_range(struct verification *w, struct range_check *check, const struct position_span *range,
                        struct tmv_error *err)
{
    bool ok =
        w->task->level == TMV_VERIFY_FULL ? range_full(check, range, err) : range_hash(check, range, err);

    return ok ? true
              : err_wrap(err, "comparing positions %" PRId64 " to %" PRId64, range->low + 1, range->high);
}

static bool prepare_session(struct pgx_conn *conn, struct tmv_error *err)
{
    return pgx_script(conn, VERIFY_STEP_TIMEOUT_US, sql_verify_session, 0, NULL, err);
}

static void check_init(const struct verification *w, struct range_check *check)
{
    *check = (struct range_check){.endpoints = w->task->endpoints, .hook = w->task->hook};
    for (int side = 0; side < SIDES; side++) {
        check->shape[side] = w->shape[side];
        check->digest[side] = buf_text(&w->digest[side]);
        check->dense[side] = w->dense[side];
    }
}

static bool work(void *user, int member, struct tmv_error *err)
{
    struct verification *w = user;
    AUTO_CONN struct pgx_conn *source = NULL;
    AUTO_CONN struct pgx_conn *target = NULL;
    AUTO_FREE struct tmv_verify_report *part = malloc(sizeof *part);
    struct range_check check;
    struct position_span range;

    check_init(w, &check);
    check.part = part;
    check.conn[SOURCE] = w->task->source;
    check.conn[TARGET] = w->task->target;
    if (!part)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (member > 0) {
        /* Without sessions of its own (the servers may be full) the others do its share. */
        if (!endpoints_connect_source(w->task->endpoints, "verify", &source, err) ||
            !endpoints_connect_target(w->task->endpoints, "verify", &target, err) ||
            !prepare_session(source, err) || !prepare_session(target, err))
            return true;
        check.conn[SOURCE] = source;
        check.conn[TARGET] = target;
    }
    while (take_range(w, member, &range)) {
        *part = (struct tmv_verify_report){.consistent = true};
        check.named = 0;
        if (!check_range(w, &check, &range, err))
            return false;
        give_range(w, member, &range, part);
    }
    return true;
}

/* ---- the whole ---- */

/* How to cut the span. A short one is not worth a look at the table. */
static bool make_plan(struct verification *w, struct tmv_error *err)
{
    const struct verifier_task *t = w->task;
    struct position_plan other;
    int64_t positions = position_width(&t->span);

    w->plan = (struct position_plan){.span = t->span, .events = positions, .dense = true};
    w->dense[SOURCE] = w->dense[TARGET] = true;
    if (positions > SAMPLED_FROM_POSITIONS) {
        if (!position_plan_make(t->target, w->shape[TARGET], t->endpoints->tenant, &t->span, &other, err) ||
            !position_plan_make(t->source, w->shape[SOURCE], t->endpoints->tenant, &t->span, &w->plan, err))
            return false;
        w->dense[SOURCE] = w->plan.dense;
        w->dense[TARGET] = other.dense;
    }
    w->step = position_plan_step(&w->plan, RANGE_EVENTS);
    if (t->sample_percent <= 0)
        return true;
    /* A power of two, so that a sample's blocks stay the same while the tenant grows a little. */
    w->step = SAMPLE_BLOCK_EVENTS;
    while (w->plan.events > 0 && w->step < positions / 2 &&
           w->step / SAMPLE_BLOCK_EVENTS < positions / w->plan.events)
        w->step *= 2;
    return true;
}

/* No more workers than there are ranges to keep them busy. */
static int worker_pool_size(const struct verification *w)
{
    int64_t most = w->task->sample_percent > 0 ? position_width(&w->task->span) : w->plan.events;
    int64_t ranges = most / w->step + (most % w->step > 0);
    int workers = w->task->workers < 1                 ? 1
                  : w->task->workers > WORKER_POOL_MAX ? WORKER_POOL_MAX
                                                       : w->task->workers;

    return ranges < 1 ? 1 : ranges < workers ? (int)ranges : workers;
}

static bool compare_ranges(struct verification *w, struct tmv_error *err)
{
    const struct worker_pool_job job = {.user = w, .work = work, .failed = stop_all};

    if (!make_plan(w, err))
        return false;
    for (int side = 0; side < SIDES; side++)
        if (!digest_sql(w->shape, w->shape[side], w->dense[side], &w->digest[side], err))
            return false;
    int size = worker_pool_size(w);
    return size == 1 ? work(w, 0, err) : worker_pool_run(&job, size, err);
}

static bool compare_streams(struct verification *w, struct tmv_error *err)
{
    struct range_check check;

    check_init(w, &check);
    check.part = w->report;
    check.conn[SOURCE] = w->task->source;
    check.conn[TARGET] = w->task->target;
    return range_count(&check, &w->task->span, err);
}

/* What lies outside the span, and nothing above has looked at. */
static bool compare_total(struct verification *w, struct tmv_error *err)
{
    struct tenant_total totals[SIDE_COUNT];

    if (!w->task->whole)
        return true;
    if (!verifier_total(w->task, &w->task->span, VERIFY_RANGE_TIMEOUT_US, totals, err))
        return false;
    if (!verifier_totals_equal(&totals[SIDE_SOURCE], &totals[SIDE_TARGET]) && w->report->consistent)
        verifier_note_total(w->report, &totals[SIDE_SOURCE], &totals[SIDE_TARGET]);
    return true;
}

static void begin_report(const struct verifier_task *task, struct tmv_verify_report *report)
{
    memset(report, 0, sizeof *report);
    report->level = task->level;
    report->consistent = true;
    report->from_position = report->equal_to = task->span.low;
    report->to_position = task->span.high;
    report->sample_percent = task->sample_percent;
    report->sample_seed = task->sample_seed;
}

bool verifier_run(const struct verifier_task *task, struct tmv_verify_report *ret_report,
                  struct tmv_error *err)
{
    AUTO_FREE struct verification *w = calloc(1, sizeof *w);

    if (!w)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    *w = (struct verification){.task = task,
                               .shape = {&task->endpoints->source, &task->endpoints->target},
                               .digest = {BUF_INIT(VERIFY_SQL_MAX), BUF_INIT(VERIFY_SQL_MAX)},
                               .began = clock_now_us(),
                               .next = task->span.low,
                               .first_unequal = INT64_MAX,
                               .report = ret_report};
    for (size_t i = 0; i < ARRAY_LEN(w->open); i++)
        w->open[i] = INT64_MAX;
    begin_report(task, ret_report);
    lock_init(&w->lock);
    bool ok = prepare_session(task->source, err) && prepare_session(task->target, err) &&
              (task->level == TMV_VERIFY_COUNT ? compare_streams(w, err) : compare_ranges(w, err)) &&
              compare_total(w, err);
    pthread_mutex_destroy(&w->lock);
    buf_release(&w->digest[SOURCE]);
    buf_release(&w->digest[TARGET]);
    ret_report->duration_us = clock_now_us() - w->began;
    return ok ? true : err_wrap(err, "verification");
}

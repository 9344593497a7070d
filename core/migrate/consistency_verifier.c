/* Guarantees: what it calls equal has the same events with the same bytes in every copied column; it changes
 * nothing; its memory does not grow with the tenant. Both servers work at the same time. */
#include "migrate/consistency_verifier.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "migrate/row_hash.h"
#include "migrate/row_stream.h"
#include "sql_embedded.h"

#define RECORD_MAX (16 * 1024) /* text of one expression per column, at most STORE_COLUMNS_MAX of them */
#define SQL_MAX (32 * 1024)
#define RANGE_EVENTS 50000
#define SAMPLED_FROM_POSITIONS 400000 /* shorter spans are cut evenly, without a look at the table */
#define RANGE_TIMEOUT_US (3600 * US_PER_S)
#define STEP_TIMEOUT_US (60 * US_PER_S)

enum side { SOURCE, TARGET, SIDES };

/* One verification. */
struct verifier {
    const struct ends *ends;
    struct pgx_conn *conn[SIDES]; /* borrowed */
    const struct store_shape *shape[SIDES];
    struct buf digest[SIDES]; /* statement */
    struct buf record;        /* scratch: what is hashed on a side */
    bool dense[SIDES];        /* read by ranges of the primary key */
    struct tmv_verify_report *report;
    size_t named; /* differences in report->found */
};

/* ---- digests ---- */

static bool digest_sql(const struct store_shape *const both[SIDES], const struct store_shape *side,
                       bool dense, struct buf *ret_sql, struct tmv_error *err)
{
    AUTO(buf) struct buf record = BUF_INIT(RECORD_MAX);

    row_hash_record(both[SOURCE], both[TARGET], side, &record);
    if (!buf_ok(&record, err))
        return false;
    const struct pgx_var vars[] = {{"record", buf_text(&record)}, {"barrier", dense ? "OFFSET 0" : ""}};
    return store_sql(ret_sql, sql_verify_digest, side, vars, ARRAY_LEN(vars), err);
}

bool verifier_digest_sql(const struct store_shape *source, const struct store_shape *target,
                         const struct store_shape *side, struct buf *ret_sql, struct tmv_error *err)
{
    const struct store_shape *const both[SIDES] = {source, target};

    return digest_sql(both, side, true, ret_sql, err);
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

static bool receive_digest(struct pgx_conn *conn, struct range_digest *ret_digest, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_receive(conn, RANGE_TIMEOUT_US, &result, err))
        return false;
    verifier_read_digest(result, ret_digest);
    return true;
}

/* Both servers compute at once. */
static bool digest_both(struct verifier *v, int64_t low, int64_t high, struct range_digest ret_digests[SIDES],
                        struct tmv_error *err)
{
    const struct pgx_args args = PGX_ARGS(PGX_INT(low), PGX_INT(high), PGX_TEXT(v->ends->tenant));

    return pgx_send(v->conn[SOURCE], buf_text(&v->digest[SOURCE]), args, err) &&
           pgx_send(v->conn[TARGET], buf_text(&v->digest[TARGET]), args, err) &&
           receive_digest(v->conn[SOURCE], &ret_digests[SOURCE], err) &&
           receive_digest(v->conn[TARGET], &ret_digests[TARGET], err);
}

/* ---- naming what differs ---- */

/* A statement of a side, for a range. */
static bool range_sql(struct verifier *v, enum side side, const char *template,
                      const struct position_span *span, struct buf *ret_sql, struct tmv_error *err)
{
    char low[24];
    char high[24];

    snprintf(low, sizeof low, "%" PRId64, span->low);
    snprintf(high, sizeof high, "%" PRId64, span->high);
    buf_clear(&v->record);
    row_hash_record(v->shape[SOURCE], v->shape[TARGET], v->shape[side], &v->record);
    if (!buf_ok(&v->record, err))
        return false;
    const struct pgx_var vars[] = {
        {"record", buf_text(&v->record)},
        {"barrier", v->dense[side] ? "OFFSET 0" : ""},
        {"low", low},
        {"high", high},
        {"tenant_id", v->ends->tenant},
    };
    return store_sql(ret_sql, template, v->shape[side], vars, ARRAY_LEN(vars), err);
}

static bool start_streams(struct verifier *v, const char *template, const struct position_span *span,
                          struct row_stream streams[SIDES], struct tmv_error *err)
{
    for (int side = 0; side < SIDES; side++) {
        AUTO(buf) struct buf sql = BUF_INIT(SQL_MAX);

        if (!range_sql(v, (enum side)side, template, span, &sql, err) ||
            !row_stream_start(&streams[side], v->conn[side], buf_text(&sql), err))
            return false;
    }
    return row_stream_next(&streams[SOURCE], err) && row_stream_next(&streams[TARGET], err);
}

/* Counts a difference and returns its place in the report, or NULL when the report is full. */
static struct tmv_difference *note(struct verifier *v, const char *kind)
{
    v->report->differences++;
    v->report->consistent = false;
    if (v->named == TMV_DIFFERENCES_MAX)
        return NULL;
    struct tmv_difference *d = &v->report->found[v->named++];
    text_copy(d->kind, sizeof d->kind, kind);
    return d;
}

enum row_field { ROW_POSITION, ROW_EVENT_ID, ROW_STREAM, ROW_VERSION, ROW_HASH };

static int64_t field_int(const struct row_stream *s, int field)
{
    int64_t value = 0;

    text_to_int64(s->fields[field], INT64_MIN, INT64_MAX, &value);
    return value;
}

static void note_event(struct verifier *v, const char *kind, const struct row_stream *row)
{
    struct tmv_difference *d = note(v, kind);

    if (!d)
        return;
    d->position = field_int(row, ROW_POSITION);
    d->version = field_int(row, ROW_VERSION);
    tmv_uuid_parse(row->fields[ROW_EVENT_ID], &d->event_id);
    tmv_uuid_parse(row->fields[ROW_STREAM], &d->aggregate);
}

/* Which side's current row comes first: negative the source's, positive the target's, 0 the same key. */
static int compare_ends(const struct row_stream streams[SIDES])
{
    if (streams[SOURCE].ended || streams[TARGET].ended)
        return (int)streams[SOURCE].ended - (int)streams[TARGET].ended;
    return 0;
}

static int compare_events(const struct row_stream streams[SIDES])
{
    int64_t a = field_int(&streams[SOURCE], ROW_POSITION);
    int64_t b = field_int(&streams[TARGET], ROW_POSITION);
    int order = compare_ends(streams);

    return order ? order : (a > b) - (a < b);
}

static bool name_events(struct verifier *v, const struct position_span *span, struct tmv_error *err)
{
    struct row_stream streams[SIDES];

    if (!start_streams(v, sql_verify_rows, span, streams, err))
        return false;
    while (!streams[SOURCE].ended || !streams[TARGET].ended) {
        int order = compare_events(streams);

        if (order < 0)
            note_event(v, "missing", &streams[SOURCE]);
        else if (order > 0)
            note_event(v, "extra", &streams[TARGET]);
        else if (strcmp(streams[SOURCE].fields[ROW_HASH], streams[TARGET].fields[ROW_HASH]) != 0)
            note_event(v, "differs", &streams[SOURCE]);
        if ((order <= 0 && !row_stream_next(&streams[SOURCE], err)) ||
            (order >= 0 && !row_stream_next(&streams[TARGET], err)))
            return false;
    }
    return true;
}

/* Whether one column of an event has the same bytes on both ends. */
static bool same_column(struct verifier *v, const char *name, int64_t position, bool *ret_same,
                        struct tmv_error *err)
{
    struct pgx_result *results[SIDES] = {NULL, NULL};
    bool ok = true;

    for (int side = 0; ok && side < SIDES; side++) {
        AUTO(buf) struct buf sql = BUF_INIT(SQL_MAX);
        AUTO(buf) struct buf value = BUF_INIT(1000);

        row_hash_column(store_shape_column(v->shape[side], name), &value);
        const struct pgx_var vars[] = {{"record", buf_text(&value)}};
        ok = buf_ok(&value, err) &&
             store_sql(&sql, sql_verify_column, v->shape[side], vars, ARRAY_LEN(vars), err) &&
             pgx_query(v->conn[side], STEP_TIMEOUT_US, buf_text(&sql),
                       PGX_ARGS(PGX_INT(position), PGX_TEXT(v->ends->tenant)), &results[side], err);
    }
    *ret_same = ok && pgx_rows(results[SOURCE]) == 1 && pgx_rows(results[TARGET]) == 1 &&
                strcmp(pgx_text(results[SOURCE], 0, 0), pgx_text(results[TARGET], 0, 0)) == 0;
    pgx_result_free(results[SOURCE]);
    pgx_result_free(results[TARGET]);
    return ok;
}

/* Names the columns in which an event differs; as many as fit. */
static bool name_columns(struct verifier *v, struct tmv_difference *d, struct tmv_error *err)
{
    AUTO(buf) struct buf names = BUF_INIT(sizeof d->columns - 1);
    const struct store_shape *shape = v->shape[SOURCE];

    for (size_t i = 0; i < shape->column_count; i++) {
        const struct store_column *column = &shape->columns[i];
        bool same = true;

        if (!row_hash_is_copied(v->shape[SOURCE], v->shape[TARGET], column))
            continue;
        if (!same_column(v, column->name, d->position, &same, err))
            return false;
        if (!same)
            buf_printf(&names, "%s%s", names.len ? ", " : "", column->name);
    }
    text_copy(d->columns, sizeof d->columns, buf_text(&names));
    return true;
}

/* ---- HASH ---- */

static bool verify_range(struct verifier *v, const struct position_span *span, bool *ret_equal,
                         struct tmv_error *err)
{
    struct range_digest digests[SIDES];
    size_t before = v->named;

    if (!digest_both(v, span->low, span->high, digests, err))
        return false;
    v->report->events_source += digests[SOURCE].events;
    v->report->events_target += digests[TARGET].events;
    *ret_equal = range_digest_equal(&digests[SOURCE], &digests[TARGET]);
    if (*ret_equal)
        return true;
    v->report->consistent = false;
    if (!name_events(v, span, err))
        return false;
    for (size_t i = before; i < v->named; i++)
        if (strcmp(v->report->found[i].kind, "differs") == 0 && !name_columns(v, &v->report->found[i], err))
            return false;
    return true;
}

/* How to cut the span. A short one is not worth a look at the table. */
static bool make_plan(struct verifier *v, const struct position_span *span, struct position_plan *ret_plan,
                      struct tmv_error *err)
{
    struct position_plan other;
    int64_t positions = span->high - span->low;

    *ret_plan = (struct position_plan){.span = *span, .events = positions, .dense = true};
    v->dense[SOURCE] = v->dense[TARGET] = true;
    if (positions <= SAMPLED_FROM_POSITIONS)
        return true;
    if (!position_plan_make(v->conn[TARGET], v->shape[TARGET], v->ends->tenant, span, &other, err) ||
        !position_plan_make(v->conn[SOURCE], v->shape[SOURCE], v->ends->tenant, span, ret_plan, err))
        return false;
    v->dense[SOURCE] = ret_plan->dense;
    v->dense[TARGET] = other.dense;
    return true;
}

static bool verify_ranges(struct verifier *v, const struct position_span *span, struct tmv_error *err)
{
    struct position_plan plan;
    bool all_equal = true;

    for (int side = 0; side < SIDES; side++)
        if (!pgx_script(v->conn[side], STEP_TIMEOUT_US, sql_verify_session, 0, NULL, err))
            return false;
    if (!make_plan(v, span, &plan, err))
        return false;
    for (int side = 0; side < SIDES; side++)
        if (!digest_sql(v->shape, v->shape[side], v->dense[side], &v->digest[side], err))
            return false;
    int64_t step = position_plan_step(&plan, RANGE_EVENTS);
    for (struct position_span part = {.low = span->low}; part.low < span->high; part.low = part.high) {
        bool equal = false;

        part.high = position_plan_next(&plan, part.low, step);
        if (!verify_range(v, &part, &equal, err))
            return err_wrap(err, "comparing positions %" PRId64 " to %" PRId64, part.low + 1, part.high);
        all_equal = all_equal && equal;
        if (all_equal)
            v->report->equal_to = part.high;
    }
    return true;
}

static void verifier_init(struct verifier *v, const struct ends *ends, struct tmv_verify_report *report)
{
    *v = (struct verifier){.ends = ends,
                           .shape = {&ends->source, &ends->target},
                           .digest = {BUF_INIT(SQL_MAX), BUF_INIT(SQL_MAX)},
                           .record = BUF_INIT(RECORD_MAX),
                           .report = report};
    memset(report, 0, sizeof *report);
}

static void begin_report(struct tmv_verify_report *report, enum tmv_verify_level level,
                         const struct position_span *span)
{
    report->level = level;
    report->consistent = true;
    report->from_position = report->equal_to = span->low;
    report->to_position = span->high;
}

static void verifier_release(struct verifier *v)
{
    buf_release(&v->digest[SOURCE]);
    buf_release(&v->digest[TARGET]);
    buf_release(&v->record);
}

bool verifier_hash_range(const struct ends *ends, struct pgx_conn *source, struct pgx_conn *target,
                         const struct position_span *span, struct tmv_verify_report *ret_report,
                         struct tmv_error *err)
{
    int64_t began = clock_now_us();
    struct verifier v;

    verifier_init(&v, ends, ret_report);
    begin_report(ret_report, TMV_VERIFY_HASH, span);
    v.conn[SOURCE] = source;
    v.conn[TARGET] = target;
    bool ok = verify_ranges(&v, span, err);
    verifier_release(&v);
    ret_report->duration_us = clock_now_us() - began;
    return ok ? true : err_wrap(err, "verification");
}

/* ---- COUNT ---- */

enum stream_field { STREAM_ID, STREAM_TYPE, STREAM_EVENTS, STREAM_LAST };

static int compare_streams(const struct row_stream streams[SIDES])
{
    int order = compare_ends(streams);

    if (order == 0)
        order = strcmp(streams[SOURCE].fields[STREAM_ID], streams[TARGET].fields[STREAM_ID]);
    if (order == 0)
        order = strcmp(streams[SOURCE].fields[STREAM_TYPE], streams[TARGET].fields[STREAM_TYPE]);
    return order;
}

static void note_stream(struct verifier *v, const char *kind, const struct row_stream *row, const char *what)
{
    struct tmv_difference *d = note(v, kind);

    if (!d)
        return;
    tmv_uuid_parse(row->fields[STREAM_ID], &d->aggregate);
    d->version = field_int(row, STREAM_LAST);
    text_copy(d->columns, sizeof d->columns, what);
}

static void compare_stream(struct verifier *v, const struct row_stream streams[SIDES])
{
    bool events = field_int(&streams[SOURCE], STREAM_EVENTS) == field_int(&streams[TARGET], STREAM_EVENTS);
    bool last = field_int(&streams[SOURCE], STREAM_LAST) == field_int(&streams[TARGET], STREAM_LAST);

    if (!events || !last)
        note_stream(v, "differs", &streams[SOURCE],
                    events ? "last version"
                    : last ? "number of events"
                           : "number of events, last version");
}

static bool count_streams(struct verifier *v, const struct position_span *span, struct tmv_error *err)
{
    struct row_stream streams[SIDES];

    if (!start_streams(v, sql_verify_streams, span, streams, err))
        return false;
    while (!streams[SOURCE].ended || !streams[TARGET].ended) {
        int order = compare_streams(streams);

        if (order < 0)
            note_stream(v, "missing", &streams[SOURCE], "stream");
        else if (order > 0)
            note_stream(v, "extra", &streams[TARGET], "stream");
        else
            compare_stream(v, streams);
        if (order <= 0)
            v->report->events_source += field_int(&streams[SOURCE], STREAM_EVENTS);
        if (order >= 0)
            v->report->events_target += field_int(&streams[TARGET], STREAM_EVENTS);
        if ((order <= 0 && !row_stream_next(&streams[SOURCE], err)) ||
            (order >= 0 && !row_stream_next(&streams[TARGET], err)))
            return false;
    }
    return true;
}

bool verifier_count_range(const struct ends *ends, struct pgx_conn *source, struct pgx_conn *target,
                          const struct position_span *span, struct tmv_verify_report *ret_report,
                          struct tmv_error *err)
{
    int64_t began = clock_now_us();
    struct verifier v;

    verifier_init(&v, ends, ret_report);
    begin_report(ret_report, TMV_VERIFY_COUNT, span);
    v.conn[SOURCE] = source;
    v.conn[TARGET] = target;
    bool ok = count_streams(&v, span, err);
    verifier_release(&v);
    ret_report->duration_us = clock_now_us() - began;
    return ok ? true : err_wrap(err, "verification");
}

/* ---- two stores, without a migration ---- */

static bool last_position(struct pgx_conn *conn, const struct store_shape *shape, int64_t *last,
                          struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(SQL_MAX);
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!store_sql(&sql, sql_verify_last_position, shape, NULL, 0, err) ||
        !pgx_query(conn, RANGE_TIMEOUT_US, buf_text(&sql), PGX_NONE, &result, err))
        return false;
    if (pgx_int(result, 0, 0) > *last)
        *last = pgx_int(result, 0, 0);
    return true;
}

bool tmv_verify_stores(const struct tmv_verify_options *options, struct tmv_verify_report *ret_report,
                       struct tmv_error *err)
{
    const struct pgx_options like = {.part = "verify"};
    const struct tmv_store_info *source = options->source;
    const struct tmv_store_info *target = options->target;
    struct position_span span = {.low = options->from, .high = options->to};
    AUTO_CONN struct pgx_conn *from_conn = NULL;
    AUTO_CONN struct pgx_conn *to_conn = NULL;
    AUTO_FREE struct ends *ends = calloc(1, sizeof *ends);

    if (!ends)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    tmv_uuid_format(&options->tenant, ends->tenant);
    if (!store_connect(source, &like, &from_conn, err) || !store_connect(target, &like, &to_conn, err) ||
        !store_shape_discover(from_conn, source->events_schema, source->events_table, &ends->source, err) ||
        !store_shape_discover(to_conn, target->events_schema, target->events_table, &ends->target, err))
        return false;
    if (span.high == 0 && (!last_position(from_conn, &ends->source, &span.high, err) ||
                           !last_position(to_conn, &ends->target, &span.high, err)))
        return false;
    return options->level == TMV_VERIFY_COUNT
               ? verifier_count_range(ends, from_conn, to_conn, &span, ret_report, err)
               : verifier_hash_range(ends, from_conn, to_conn, &span, ret_report, err);
}

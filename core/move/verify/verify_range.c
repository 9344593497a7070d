#include "move/verify/verify_range.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "move/shared/row_hash.h"
#include "sql_embedded.h"

bool range_sql(const struct range_check *v, enum verify_side side, const char *template,
               const struct position_span *span, struct buf *ret_sql, struct tmv_error *err)
{
    AUTO(buf) struct buf record = BUF_INIT(VERIFY_RECORD_MAX);
    char low[24];
    char high[24];

    snprintf(low, sizeof low, "%" PRId64, span->low);
    snprintf(high, sizeof high, "%" PRId64, span->high);
    row_hash_record(v->shape[SOURCE], v->shape[TARGET], v->shape[side], &record);
    if (!buf_ok(&record, err))
        return false;
    const struct pgx_var vars[] = {
        {"record", buf_text(&record)},
        {"barrier", v->dense[side] ? "OFFSET 0" : ""},
        {"low", low},
        {"high", high},
        {"tenant_id", v->endpoints->tenant},
    };
    return store_sql(ret_sql, template, v->shape[side], vars, ARRAY_LEN(vars), err);
}

struct tmv_difference *range_note(struct range_check *v, const char *kind, int64_t position)
{
    v->part->differences++;
    v->part->consistent = false;
    v->part->to_remove += strcmp(kind, "missing") != 0;
    v->part->to_copy += strcmp(kind, "extra") != 0;
    if (v->hook)
        v->hook->difference(v->hook->user, kind, position);
    if (v->named == TMV_DIFFERENCES_MAX)
        return NULL;
    struct tmv_difference *d = &v->part->found[v->named++];
    memset(d, 0, sizeof *d);
    text_copy(d->kind, sizeof d->kind, kind);
    d->position = position;
    return d;
}

/* ---- merging two streams of rows ---- */

bool range_streams(struct range_check *v, const char *template, const struct position_span *span,
                   struct row_stream streams[SIDES], struct tmv_error *err)
{
    for (int side = 0; side < SIDES; side++) {
        AUTO(buf) struct buf sql = BUF_INIT(VERIFY_SQL_MAX);

        if (!range_sql(v, (enum verify_side)side, template, span, &sql, err) ||
            !row_stream_start(&streams[side], v->conn[side], buf_text(&sql), err))
            return false;
    }
    return row_stream_next(&streams[SOURCE], err) && row_stream_next(&streams[TARGET], err);
}

int64_t range_field_int(const struct row_stream *s, int field)
{
    int64_t value = 0;

    text_to_int64(s->fields[field], INT64_MIN, INT64_MAX, &value);
    return value;
}

int range_compare_ends(const struct row_stream streams[SIDES])
{
    return (int)streams[SOURCE].ended - (int)streams[TARGET].ended;
}

/* ---- HASH ---- */

enum row_field { ROW_POSITION, ROW_EVENT_ID, ROW_STREAM, ROW_VERSION, ROW_HASH };

static void note_event(struct range_check *v, const char *kind, const struct row_stream *row)
{
    struct tmv_difference *d = range_note(v, kind, range_field_int(row, ROW_POSITION));

    if (!d)
        return;
    d->version = range_field_int(row, ROW_VERSION);
    tmv_uuid_parse(row->fields[ROW_EVENT_ID], &d->event_id);
    tmv_uuid_parse(row->fields[ROW_STREAM], &d->aggregate);
}

static int compare_events(const struct row_stream streams[SIDES])
{
    int64_t a = range_field_int(&streams[SOURCE], ROW_POSITION);
    int64_t b = range_field_int(&streams[TARGET], ROW_POSITION);
    int order = range_compare_ends(streams);

    return order ? order : (a > b) - (a < b);
}

/* The hashes of a range that differs, event by event; the events themselves stay where they are. */
static bool name_events(struct range_check *v, const struct position_span *span, struct tmv_error *err)
{
    struct row_stream streams[SIDES];

    if (!range_streams(v, sql_verify_rows, span, streams, err))
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

static bool receive_digest(struct pgx_conn *conn, struct range_digest *ret_digest, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_receive(conn, VERIFY_RANGE_TIMEOUT_US, &result, err))
        return false;
    verifier_read_digest(result, ret_digest);
    return true;
}

/* Both servers compute at once. */
static bool digest_both(const struct range_check *v, const struct position_span *span,
                        struct range_digest ret_digests[SIDES], struct tmv_error *err)
{
    const struct pgx_args args =
        PGX_ARGS(PGX_INT(span->low), PGX_INT(span->high), PGX_TEXT(v->endpoints->tenant));

    return pgx_send(v->conn[SOURCE], v->digest[SOURCE], args, err) &&
           pgx_send(v->conn[TARGET], v->digest[TARGET], args, err) &&
           receive_digest(v->conn[SOURCE], &ret_digests[SOURCE], err) &&
           receive_digest(v->conn[TARGET], &ret_digests[TARGET], err);
}

bool range_hash(struct range_check *v, const struct position_span *span, struct tmv_error *err)
{
    struct range_digest digests[SIDES];
    size_t before = v->named;

    if (!digest_both(v, span, digests, err))
        return false;
    v->part->events_source += digests[SOURCE].events;
    v->part->events_target += digests[TARGET].events;
    if (range_digest_equal(&digests[SOURCE], &digests[TARGET]))
        return true;
    v->part->consistent = false;
    if (!name_events(v, span, err))
        return false;
    for (size_t i = before; i < v->named; i++) {
        struct tmv_difference *d = &v->part->found[i];
        bool differs = strcmp(d->kind, "differs") == 0;

        if ((differs && !range_columns(v, d, err)) ||
            (strcmp(d->kind, "missing") == 0 && !range_find_moved(v, d, err)))
            return false;
    }
    return true;
}

bool range_find_moved(struct range_check *v, struct tmv_difference *d, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(VERIFY_SQL_MAX);
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!store_sql(&sql, sql_verify_find_event, v->shape[TARGET], NULL, 0, err) ||
        !pgx_query(v->conn[TARGET], VERIFY_STEP_TIMEOUT_US, buf_text(&sql),
                   PGX_ARGS(PGX_UUID(&d->event_id), PGX_TEXT(v->endpoints->tenant)), &result, err))
        return err_wrap(err, "looking for an event on the target");
    if (pgx_is_null(result, 0, 0) || pgx_int(result, 0, 0) == d->position)
        return true;
    d->target_position = pgx_int(result, 0, 0);
    text_copy(d->kind, sizeof d->kind, "moved");
    return true;
}

/* Reads of one store. A list is one block of memory: the events, then their texts. */
#include "store/events.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "sql_embedded.h"

/* Columns of the read statements, in their order. */
enum column {
    COL_ID,
    COL_STREAM,
    COL_TENANT,
    COL_POSITION,
    COL_VERSION,
    COL_TIMESTAMP,
    COL_CREATED_AT,
    COL_STREAM_TYPE,
    COL_TYPE,
    COL_ACTOR,
    COL_PAYLOAD
};

static char *keep_text(char **cursor, const struct pgx_result *result, int row, int column)
{
    char *text = *cursor;
    size_t size = strlen(pgx_text(result, row, column)) + 1;

    memcpy(text, pgx_text(result, row, column), size);
    *cursor += size;
    return text;
}

static bool make_list(const struct pgx_result *result, struct tmv_event_list *ret_list, struct tmv_error *err)
{
    int rows = pgx_rows(result);
    size_t bytes = (size_t)rows * sizeof(struct tmv_event);
    char *cursor;

    for (int row = 0; row < rows; row++)
        for (int column = COL_STREAM_TYPE; column <= COL_PAYLOAD; column++)
            bytes += strlen(pgx_text(result, row, column)) + 1;
    if (rows == 0)
        return true;
    ret_list->events = malloc(bytes);
    if (!ret_list->events)
        return err_set(err, TMV_ERR_NOMEM, "no memory for %d events", rows);
    ret_list->count = (size_t)rows;
    cursor = (char *)(ret_list->events + rows);
    for (int row = 0; row < rows; row++) {
        struct tmv_event *e = &ret_list->events[row];

        e->id = pgx_uuid(result, row, COL_ID);
        e->aggregate = pgx_uuid(result, row, COL_STREAM);
        e->tenant = pgx_uuid(result, row, COL_TENANT);
        e->position = pgx_int(result, row, COL_POSITION);
        e->version = pgx_int(result, row, COL_VERSION);
        e->timestamp_us = pgx_int(result, row, COL_TIMESTAMP);
        e->created_at_us = pgx_int(result, row, COL_CREATED_AT);
        e->aggregate_type = keep_text(&cursor, result, row, COL_STREAM_TYPE);
        e->type = keep_text(&cursor, result, row, COL_TYPE);
        e->actor = keep_text(&cursor, result, row, COL_ACTOR);
        if (pgx_is_null(result, row, COL_ACTOR))
            e->actor = NULL;
        e->payload = keep_text(&cursor, result, row, COL_PAYLOAD);
    }
    return true;
}

void tmv_event_list_free(struct tmv_event_list *list)
{
    if (!list)
        return;
    free(list->events);
    *list = (struct tmv_event_list){0};
}

static struct pgx_value optional(const struct tmv_uuid *id)
{
    return tmv_uuid_is_nil(id) ? PGX_NULL : PGX_UUID(id);
}

static bool run(struct pgx_conn *conn, const struct pgx_kept *kept, struct pgx_args args,
                struct tmv_event_list *ret_list, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    return pgx_send_kept(conn, STORE_TIMEOUT_US, kept, args, err) &&
           pgx_receive(conn, STORE_TIMEOUT_US, &result, err) && make_list(result, ret_list, err);
}

bool store_read_stream(struct pgx_conn *conn, const struct store_shape *shape,
                       const struct store_range *range, struct tmv_event_list *ret_list,
                       struct tmv_error *err)
{
    const struct tmv_stream *stream = range->stream;
    AUTO(buf) struct buf sql = BUF_INIT(4000);

    *ret_list = (struct tmv_event_list){0};
    if (!pgx_is_kept(conn, STORE_SLOT_STREAM) && !store_sql(&sql, sql_store_read_stream, shape, NULL, 0, err))
        return false;
    return run(conn, &(struct pgx_kept){STORE_SLOT_STREAM, buf_text(&sql)},
               PGX_ARGS(PGX_UUID(&stream->aggregate), PGX_TEXT(stream->aggregate_type),
                        optional(&stream->tenant), PGX_INT(range->after_version), PGX_INT(range->limit)),
               ret_list, err);
}

bool store_read_feed(struct pgx_conn *conn, const struct store_shape *shape, const struct tmv_feed *feed,
                     struct tmv_event_list *ret_list, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    bool has_transaction = store_shape_transaction(shape);

    *ret_list = (struct tmv_event_list){0};
    if (!store_sql(&sql, has_transaction ? sql_store_read_feed : sql_store_read_feed_plain, shape, NULL, 0,
                   err))
        return false;
    return run(conn, &(struct pgx_kept){STORE_SLOT_FEED, buf_text(&sql)},
               PGX_ARGS(PGX_UUID(&feed->tenant), PGX_TEXT(feed->aggregate_type),
                        PGX_INT(feed->after_position), PGX_INT(feed->limit)),
               ret_list, err);
}

bool store_stream_version(struct pgx_conn *conn, const struct store_shape *shape,
                          const struct tmv_stream *stream, int64_t *ret_version, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!store_sql(&sql, sql_store_stream_version, shape, NULL, 0, err) ||
        !pgx_query(conn, STORE_TIMEOUT_US, buf_text(&sql),
                   PGX_ARGS(PGX_UUID(&stream->aggregate), PGX_TEXT(stream->aggregate_type),
                            optional(&stream->tenant)),
                   &result, err))
        return false;
    *ret_version = pgx_int(result, 0, 0);
    return true;
}

bool store_event_exists(struct pgx_conn *conn, const struct store_shape *shape, const struct tmv_uuid *tenant,
                        const struct tmv_uuid *event_id, bool *ret_exists, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!store_sql(&sql, sql_store_event_exists, shape, NULL, 0, err) ||
        !pgx_query(conn, STORE_TIMEOUT_US, buf_text(&sql), PGX_ARGS(PGX_UUID(event_id), optional(tenant)),
                   &result, err))
        return false;
    *ret_exists = pgx_bool(result, 0, 0);
    return true;
}

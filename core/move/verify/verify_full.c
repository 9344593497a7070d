/* FULL: what both servers stream, compared byte for byte. The streams are binary COPY, one message per row
 * (PostgreSQL's protocol promises that), so a row is compared where libpq received it, and nothing is copied
 * or kept but one row of each side. */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "move/shared/row_hash.h"
#include "move/verify/verify_range.h"
#include "sql_embedded.h"

enum key { KEY_POSITION, KEY_EVENT_ID, KEY_STREAM, KEY_VERSION, KEYS };

#define ROW_FIELDS_MAX (KEYS + STORE_COLUMNS_MAX)
#define SIGNATURE "PGCOPY\n\377\r\n"
#define SIGNATURE_LEN 11

/* The current row of one side; its bytes belong to the connection. */
struct full_row {
    struct pgx_conn *conn; /* borrowed; in a COPY until `ended` */
    bool ended;
    int fields;
    const char *value[ROW_FIELDS_MAX];
    int32_t size[ROW_FIELDS_MAX]; /* -1: NULL */
    int64_t position;
};

static int16_t take_int16(const char *p)
{
    uint16_t n;

    memcpy(&n, p, sizeof n);
    return (int16_t)be16toh(n);
}

static int32_t take_int32(const char *p)
{
    uint32_t n;

    memcpy(&n, p, sizeof n);
    return (int32_t)be32toh(n);
}

static int64_t key_int(const struct full_row *row, enum key key)
{
    uint64_t n;

    if (row->size[key] != (int32_t)sizeof n)
        return 0;
    memcpy(&n, row->value[key], sizeof n);
    return (int64_t)be64toh(n);
}

static bool malformed(struct tmv_error *err)
{
    return err_set(err, TMV_ERR_INTERNAL, "a row of a binary COPY that is cut or has other columns");
}

/* Finds the fields in a row's message. */
static bool parse_row(struct full_row *row, const char *data, size_t len, struct tmv_error *err)
{
    size_t at = 2;

    for (int i = 0; i < row->fields; i++) {
        if (len - at < 4)
            return malformed(err);
        row->size[i] = take_int32(data + at);
        at += 4;
        row->value[i] = data + at;
        if (row->size[i] < -1 || (row->size[i] > 0 && len - at < (size_t)row->size[i]))
            return malformed(err);
        at += row->size[i] > 0 ? (size_t)row->size[i] : 0;
    }
    if (at != len)
        return malformed(err);
    row->position = key_int(row, KEY_POSITION);
    return true;
}

/* The stream begins with a signature, flags and an extension; they come with the first row or before it. */
static bool skip_head(const char **data, size_t *len, struct tmv_error *err)
{
    const size_t fixed = SIGNATURE_LEN + 8;

    if (*len < SIGNATURE_LEN || memcmp(*data, SIGNATURE, SIGNATURE_LEN) != 0)
        return true;
    if (*len < fixed)
        return malformed(err);
    size_t head = fixed + (size_t)(uint32_t)take_int32(*data + SIGNATURE_LEN + 4);
    if (*len < head)
        return malformed(err);
    *data += head;
    *len -= head;
    return true;
}

static bool next_row(struct full_row *row, struct tmv_error *err)
{
    const char *data = NULL;
    size_t len = 0;

    while (!row->ended) {
        if (!pgx_copy_read(row->conn, VERIFY_RANGE_TIMEOUT_US, &data, &len, err))
            return false;
        if (len == 0) {
            row->ended = true;
            return true;
        }
        if (!skip_head(&data, &len, err))
            return false;
        if (len == 0 || (len == 2 && take_int16(data) == -1)) /* only the head, or the trailer */
            continue;
        row->fields = len < 2 ? 0 : take_int16(data);
        if (row->fields <= KEYS || row->fields > ROW_FIELDS_MAX)
            return malformed(err);
        return parse_row(row, data, len, err);
    }
    return true;
}

static bool start_rows(struct range_check *v, const struct position_span *span, struct full_row rows[SIDES],
                       struct tmv_error *err)
{
    for (int side = 0; side < SIDES; side++) {
        AUTO(buf) struct buf sql = BUF_INIT(VERIFY_SQL_MAX);

        rows[side] = (struct full_row){.conn = v->conn[side]};
        if (!range_sql(v, (enum verify_side)side, sql_verify_full, span, &sql, err) ||
            !pgx_copy_out(v->conn[side], VERIFY_RANGE_TIMEOUT_US, buf_text(&sql), err))
            return false;
    }
    return next_row(&rows[SOURCE], err) && next_row(&rows[TARGET], err);
}

static bool same_field(const struct full_row rows[SIDES], int field)
{
    int32_t size = rows[SOURCE].size[field];

    return size == rows[TARGET].size[field] &&
           (size <= 0 || memcmp(rows[SOURCE].value[field], rows[TARGET].value[field], (size_t)size) == 0);
}

static bool same_columns(const struct full_row rows[SIDES])
{
    bool same = rows[SOURCE].fields == rows[TARGET].fields;

    for (int i = KEYS; same && i < rows[SOURCE].fields; i++)
        same = same_field(rows, i);
    return same;
}

/* Names of the columns that differ, in the order in which they were asked for. *ret_other: it is another
 * event. */
static void name_columns(const struct range_check *v, const struct full_row rows[SIDES],
                         struct tmv_difference *d, bool *ret_other)
{
    AUTO(buf) struct buf names = BUF_INIT(sizeof d->columns - 1);
    const struct store_shape *shape = v->shape[SOURCE];
    int field = KEYS;

    *ret_other = !same_field(rows, KEY_EVENT_ID);
    for (size_t i = 0; i < shape->column_count && field < rows[SOURCE].fields; i++) {
        if (!row_hash_has(v->shape[SOURCE], v->shape[TARGET], &shape->columns[i]))
            continue;
        if (!same_field(rows, field++))
            buf_printf(&names, "%s%s", names.len ? ", " : "", shape->columns[i].name);
    }
    text_copy(d->columns, sizeof d->columns, buf_text(&names));
}

static void key_uuid(const struct full_row *row, enum key key, struct tmv_uuid *ret_id)
{
    char text[TMV_UUID_TEXT];

    if (row->size[key] == TMV_UUID_TEXT - 1) {
        memcpy(text, row->value[key], TMV_UUID_TEXT - 1);
        text[TMV_UUID_TEXT - 1] = '\0';
        tmv_uuid_parse(text, ret_id);
    }
}

static struct tmv_difference *note_row(struct range_check *v, const char *kind, const struct full_row *row)
{
    struct tmv_difference *d = range_note(v, kind, row->position);

    if (d) {
        d->version = key_int(row, KEY_VERSION);
        key_uuid(row, KEY_EVENT_ID, &d->event_id);
        key_uuid(row, KEY_STREAM, &d->aggregate);
    }
    return d;
}

static int compare_rows(const struct full_row rows[SIDES])
{
    if (rows[SOURCE].ended || rows[TARGET].ended)
        return (int)rows[SOURCE].ended - (int)rows[TARGET].ended;
    return (rows[SOURCE].position > rows[TARGET].position) - (rows[SOURCE].position < rows[TARGET].position);
}

/* Notes what the two current rows show; those whose event may stand elsewhere are marked "other" until the
 * streams have ended and the connection is free for a look. */
static void compare_pair(struct range_check *v, const struct full_row rows[SIDES], int order)
{
    struct tmv_difference *d;
    bool other = false;

    if (order < 0) {
        note_row(v, "missing", &rows[SOURCE]);
    } else if (order > 0) {
        note_row(v, "extra", &rows[TARGET]);
    } else if (!same_columns(rows)) {
        d = note_row(v, "differs", &rows[SOURCE]);
        if (d)
            name_columns(v, rows, d, &other);
        if (other)
            d->target_position = -1;
    }
}

static bool look_for_moved(struct range_check *v, size_t from, struct tmv_error *err)
{
    for (size_t i = from; i < v->named; i++) {
        struct tmv_difference *d = &v->part->found[i];

        if (strcmp(d->kind, "missing") != 0 && d->target_position == 0)
            continue;
        d->target_position = 0;
        if (!range_find_moved(v, d, err))
            return false;
    }
    return true;
}

bool range_full(struct range_check *v, const struct position_span *span, struct tmv_error *err)
{
    struct full_row rows[SIDES];
    size_t before = v->named;

    if (!start_rows(v, span, rows, err))
        return false;
    while (!rows[SOURCE].ended || !rows[TARGET].ended) {
        int order = compare_rows(rows);

        compare_pair(v, rows, order);
        v->part->events_source += order <= 0;
        v->part->events_target += order >= 0;
        if ((order <= 0 && !next_row(&rows[SOURCE], err)) || (order >= 0 && !next_row(&rows[TARGET], err)))
            return false;
    }
    return look_for_moved(v, before, err);
}

bool range_columns(struct range_check *v, struct tmv_difference *d, struct tmv_error *err)
{
    const struct position_span span = {.low = d->position - 1, .high = d->position};
    struct full_row rows[SIDES];
    bool other = false;

    if (!start_rows(v, &span, rows, err))
        return false;
    while (!rows[SOURCE].ended || !rows[TARGET].ended) {
        if (!rows[SOURCE].ended && !rows[TARGET].ended && !d->columns[0] && !same_columns(rows))
            name_columns(v, rows, d, &other);
        if (!next_row(&rows[SOURCE], err) || !next_row(&rows[TARGET], err))
            return false;
    }
    return !other || range_find_moved(v, d, err);
}

/* Appends: one statement, one transaction, one round trip; a second one only for an event whose expectation
 * did not hold, which says why or finds that it holds by now. See events.h for what each error proves. */
#include "store/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "sql_embedded.h"

bool store_is_mirrored(const struct store_column *column)
{
    return !column->generated && !column->local_only && column->travel == STORE_TRAVELS;
}

/* ---- parameters: one array per column of the new events ---- */

struct arrays {
    struct buf ids, types, actors, times, payloads; /* array literals */
};

static void arrays_release(struct arrays *a)
{
    buf_release(&a->ids);
    buf_release(&a->types);
    buf_release(&a->actors);
    buf_release(&a->times);
    buf_release(&a->payloads);
}

static void arrays_auto(struct arrays *a)
{
    arrays_release(a);
}

/* An element of an array literal: quoted, with quotes and backslashes escaped; NULL is the null element. */
static void add_element(struct buf *b, const char *text)
{
    buf_char(b, b->len ? ',' : '{');
    if (!text) {
        buf_str(b, "NULL");
        return;
    }
    buf_char(b, '"');
    while (*text) {
        size_t plain = strcspn(text, "\"\\");

        buf_add(b, text, plain);
        text += plain;
        if (!*text)
            break;
        buf_char(b, '\\');
        buf_char(b, *text++);
    }
    buf_char(b, '"');
}

static void end_array(struct buf *b)
{
    buf_str(b, b->len ? "}" : "{}");
}

static void add_ids(struct buf *b, const struct store_append *what)
{
    char id[TMV_UUID_TEXT];

    for (size_t i = 0; i < what->count; i++)
        add_element(b, tmv_uuid_format(&what->events[i].id, id));
    end_array(b);
}

static bool check_events(const struct store_append *what, struct tmv_error *err)
{
    for (size_t i = 0; i < what->count; i++) {
        const struct tmv_new_event *e = &what->events[i];

        if (!e->type || !e->payload)
            return err_set(err, TMV_ERR_USAGE, "event %zu of the append has no %s", i + 1,
                           e->type ? "payload" : "type");
    }
    return true;
}

static bool build_arrays(struct arrays *a, const struct store_append *what, struct tmv_error *err)
{
    struct buf *all[] = {&a->ids, &a->types, &a->actors, &a->times, &a->payloads};
    size_t bytes = 0;

    add_ids(&a->ids, what);
    for (size_t i = 0; i < what->count; i++) {
        const struct tmv_new_event *e = &what->events[i];
        char time[24];

        snprintf(time, sizeof time, "%" PRId64, e->timestamp_us);
        add_element(&a->types, e->type);
        add_element(&a->actors, e->actor);
        add_element(&a->times, e->timestamp_us ? time : NULL);
        add_element(&a->payloads, e->payload);
    }
    for (size_t i = 1; i < ARRAY_LEN(all); i++)
        end_array(all[i]);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        bytes += all[i]->len;
        if (!buf_ok(all[i], err) || bytes > STORE_APPEND_BYTES_MAX) {
            err_set(err, TMV_ERR_NOMEM, "an append of more than %u MiB",
                    STORE_APPEND_BYTES_MAX / 1024 / 1024);
            return err_hint(err, "append the events in several parts");
        }
    }
    return true;
}

/* The stored row as a JSON array of texts: every type's text form is exact in a session of ours. */
static void copy_expression(const struct store_shape *shape, struct buf *b)
{
    bool first = true;

    buf_str(b, "jsonb_build_array(");
    for (size_t i = 0; i < shape->column_count; i++) {
        if (!store_is_mirrored(&shape->columns[i]))
            continue;
        buf_str(b, first ? "a." : ", a.");
        pgx_ident(b, shape->columns[i].name);
        buf_str(b, "::text");
        first = false;
    }
    buf_char(b, ')');
}

/* ---- what the server's answer means ---- */

/* Where an append goes. */
struct place {
    struct pgx_conn *conn;
    const struct store_shape *shape;
    int64_t timeout_us;
};

/* A unique violation: by the profile's own constraint names, else by the columns of the index that the server
 * named (partitions have names of their own). */
static bool unique_violation(struct pgx_conn *conn, const struct store_shape *shape, struct tmv_error *err)
{
    const struct store_profile *p = &store_profile_eventsource_py;
    AUTO_RESULT struct pgx_result *result = NULL;
    struct tmv_error ignored;
    bool is_id = strcmp(err->constraint, "events_event_id_key") == 0;
    bool is_version = strcmp(err->constraint, "uq_events_aggregate_version") == 0;

    if (!is_id && !is_version &&
        pgx_query(conn, STORE_TIMEOUT_US, sql_store_constraint,
                  PGX_ARGS(PGX_INT(shape->relation_oid), PGX_TEXT(err->constraint), PGX_TEXT(p->event_id),
                           PGX_TEXT(p->version)),
                  &result, &ignored)) {
        is_id = pgx_bool(result, 0, 0);
        is_version = pgx_bool(result, 0, 1);
    }
    if (is_id) {
        err->code = TMV_ERR_DUPLICATE;
        return err_hint(err, "the event is stored already, or its id was used for another one");
    }
    if (is_version) {
        err->code = TMV_ERR_VERSION;
        return err_hint(err, "another writer was first: read the stream again and repeat");
    }
    return err_hint(err, "if this is the primary key, the position's sequence %s is behind the table",
                    shape->sequence);
}

static bool explain(struct pgx_conn *conn, const struct store_shape *shape, struct tmv_error *err)
{
    char role[PGX_QUOTED_MAX];

    if (err->code != TMV_ERR_SQL)
        return false;
    if (err_is_sqlstate(err, "23505"))
        return unique_violation(conn, shape, err);
    if (strncmp(err->sqlstate, "22", 2) == 0) {
        err->code = TMV_ERR_USAGE;
        err_wrap(err, "an event cannot be stored");
        return err_hint(err,
                        "payloads are JSON without \\u0000; types and actors are at most 255 characters");
    }
    if (!err_is_sqlstate(err, "42501"))
        return false;
    pgx_quoted(pgx_user(conn), role);
    return err_hint(err, "GRANT SELECT, INSERT ON %s TO %s; GRANT USAGE ON SEQUENCE %s TO %s", shape->events,
                    role, shape->sequence, role);
}

static bool expectation_failed(const struct store_append *what, int64_t version, struct tmv_error *err)
{
    switch (what->expected) {
    case TMV_EXPECT_NO_STREAM:
        err_set(err, TMV_ERR_VERSION, "the stream exists already, at version %" PRId64, version);
        break;
    case TMV_EXPECT_STREAM_EXISTS:
        err_set(err, TMV_ERR_VERSION, "the stream does not exist");
        break;
    default:
        err_set(err, TMV_ERR_VERSION, "the stream is at version %" PRId64 ", not %" PRId64, version,
                what->expected);
        break;
    }
    return err_hint(err, "read the stream again and repeat");
}

/* After the statement left this process a lost connection proves nothing. */
static bool answer_lost(struct tmv_error *err)
{
    if (err->code != TMV_ERR_UNREACHABLE && err->code != TMV_ERR_TIMEOUT && err->code != TMV_ERR_CANCELLED)
        return false;
    err_wrap(err, "the answer to an append was lost");
    err->code = TMV_ERR_UNKNOWN;
    return err_hint(err, "ask whether the events exist, by their ids, before repeating");
}

/* False when the guard says that the tenant's writes do not belong here: then the stream's version here says
 * nothing. Whether it can be asked does not matter: an insert would have been refused, too. */
static bool is_at_home(const struct place *p, const struct store_append *what, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    char tenant[TMV_UUID_TEXT], epoch[24];
    const struct pgx_var vars[] = {{"tenant_id", tmv_uuid_format(&what->stream->tenant, tenant)},
                                   {"epoch", epoch}};
    struct tmv_error refused;

    if (tmv_uuid_is_nil(&what->stream->tenant))
        return true;
    snprintf(epoch, sizeof epoch, what->epoch ? "'%" PRId64 "'" : "''", what->epoch);
    if (!store_sql(&sql, sql_store_ask_guard, p->shape, vars, ARRAY_LEN(vars), &refused) ||
        pgx_script(p->conn, p->timeout_us, buf_text(&sql), 0, NULL, &refused))
        return true;
    if (refused.code != TMV_ERR_MOVED && refused.code != TMV_ERR_CLOSED)
        return true;
    *err = refused;
    return false;
}

static bool read_answer(const struct place *p, const struct pgx_result *result,
                        const struct store_append *what, struct store_appended *ret_appended,
                        struct tmv_error *err)
{
    int64_t added = pgx_int(result, 0, 1);

    if (added == 0 && what->count > 0)
        return is_at_home(p, what, err) && expectation_failed(what, pgx_int(result, 0, 0), err);
    ret_appended->version = pgx_int(result, 0, what->count ? 2 : 0);
    ret_appended->position = pgx_int(result, 0, 3);
    if (!what->want_copy)
        return true;
    ret_appended->copy = strdup(pgx_text(result, 0, 4));
    return true; /* without memory there is no mirror of these events; the tail brings them */
}

static bool build_statement(const struct store_shape *shape, bool want_copy, struct buf *sql,
                            struct tmv_error *err)
{
    AUTO(buf) struct buf copy = BUF_INIT(20000);

    if (want_copy)
        copy_expression(shape, &copy);
    else
        buf_str(&copy, "NULL::jsonb");
    const struct pgx_var extra[] = {{"copy", buf_text(&copy)}};
    return buf_ok(&copy, err) && store_sql(sql, sql_store_append, shape, extra, ARRAY_LEN(extra), err);
}

/* Sends a kept statement and takes its answer. */
static bool ask(const struct place *p, const struct pgx_kept *kept, struct pgx_args args,
                struct pgx_result **ret_result, struct tmv_error *err)
{
    if (!pgx_send_kept(p->conn, p->timeout_us, kept, args, err))
        return explain(p->conn, p->shape, err);
    if (!pgx_receive(p->conn, p->timeout_us, ret_result, err)) {
        answer_lost(err);
        return explain(p->conn, p->shape, err);
    }
    return true;
}

static struct pgx_value epoch_value(const struct store_append *what, char text[24])
{
    snprintf(text, 24, "%" PRId64, what->epoch);
    return pgx_value_text(what->epoch ? text : NULL);
}

static struct pgx_value tenant_value(const struct store_append *what)
{
    return tmv_uuid_is_nil(&what->stream->tenant) ? PGX_NULL : PGX_UUID(&what->stream->tenant);
}

/* One event. *ret_held: whether the expectation held; otherwise nothing was stored. Of no event it asks with
 * an expectation that never holds. */
static bool append_one(const struct place *p, const struct store_append *what,
                       struct store_appended *ret_appended, bool *ret_held, struct tmv_error *err)
{
    static const struct tmv_new_event nothing = {.type = "-", .payload = "{}"};
    const struct tmv_new_event *e = what->count ? what->events : &nothing;
    AUTO(buf) struct buf sql = BUF_INIT(40000);
    AUTO_RESULT struct pgx_result *result = NULL;
    char epoch[24];

    if (!pgx_is_kept(p->conn, STORE_SLOT_APPEND_ONE) &&
        !store_sql(&sql, sql_store_append_one, p->shape, NULL, 0, err))
        return false;
    const struct pgx_kept kept = {STORE_SLOT_APPEND_ONE, buf_text(&sql)};
    const struct pgx_args args =
        PGX_ARGS(PGX_UUID(&what->stream->aggregate), PGX_TEXT(what->stream->aggregate_type),
                 tenant_value(what), PGX_INT(what->count ? what->expected : INT64_MAX),
                 epoch_value(what, epoch), PGX_UUID(&e->id), PGX_TEXT(e->type), PGX_TEXT(e->actor),
                 e->timestamp_us ? PGX_INT(e->timestamp_us) : PGX_NULL, PGX_TEXT(e->payload));
    if (!ask(p, &kept, args, &result, err))
        return false;
    *ret_held = pgx_rows(result) == 1;
    if (*ret_held)
        *ret_appended =
            (struct store_appended){.version = pgx_int(result, 0, 0), .position = pgx_int(result, 0, 1)};
    return true;
}

/* Any number of events, and what the stream's version is when the expectation does not hold. */
static bool append_all(const struct place *p, const struct store_append *what,
                       struct store_appended *ret_appended, struct tmv_error *err)
{
    const struct tmv_stream *stream = what->stream;
    __attribute__((cleanup(arrays_auto))) struct arrays a = {
        BUF_INIT(STORE_APPEND_BYTES_MAX), BUF_INIT(STORE_APPEND_BYTES_MAX), BUF_INIT(STORE_APPEND_BYTES_MAX),
        BUF_INIT(STORE_APPEND_BYTES_MAX), BUF_INIT(STORE_APPEND_BYTES_MAX)};
    AUTO(buf) struct buf sql = BUF_INIT(40000);
    AUTO_RESULT struct pgx_result *result = NULL;
    char epoch[24];

    const unsigned slot = what->want_copy ? STORE_SLOT_APPEND_COPY : STORE_SLOT_APPEND;
    if (!build_arrays(&a, what, err) ||
        !(pgx_is_kept(p->conn, slot) || build_statement(p->shape, what->want_copy, &sql, err)))
        return false;
    const struct pgx_kept kept = {slot, buf_text(&sql)};
    const struct pgx_args args =
        PGX_ARGS(PGX_UUID(&stream->aggregate), PGX_TEXT(stream->aggregate_type), tenant_value(what),
                 PGX_INT(what->expected), epoch_value(what, epoch), PGX_TEXT(buf_text(&a.ids)),
                 PGX_TEXT(buf_text(&a.types)), PGX_TEXT(buf_text(&a.actors)), PGX_TEXT(buf_text(&a.times)),
                 PGX_TEXT(buf_text(&a.payloads)));
    return ask(p, &kept, args, &result, err) && read_answer(p, result, what, ret_appended, err);
}

bool store_append(struct pgx_conn *conn, const struct store_shape *shape, const struct store_append *what,
                  int64_t timeout_us, struct store_appended *ret_appended, struct tmv_error *err)
{
    const struct place place = {conn, shape, timeout_us};
    bool held = false;

    *ret_appended = (struct store_appended){0};
    if (!check_events(what, err))
        return false;
    if (what->count <= 1 && !what->want_copy && !append_one(&place, what, ret_appended, &held, err))
        return false;
    return held || append_all(&place, what, ret_appended, err);
}

bool store_find_appended(struct pgx_conn *conn, const struct store_shape *shape,
                         const struct store_append *what, bool *ret_found,
                         struct store_appended *ret_appended, struct tmv_error *err)
{
    AUTO(buf) struct buf ids = BUF_INIT(STORE_APPEND_BYTES_MAX);
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    AUTO_RESULT struct pgx_result *result = NULL;

    add_ids(&ids, what);
    if (!buf_ok(&ids, err) || !store_sql(&sql, sql_store_find_appended, shape, NULL, 0, err))
        return false;
    if (!pgx_query(conn, STORE_TIMEOUT_US, buf_text(&sql),
                   PGX_ARGS(PGX_TEXT(buf_text(&ids)), PGX_UUID(&what->stream->aggregate),
                            PGX_TEXT(what->stream->aggregate_type)),
                   &result, err))
        return false;
    *ret_found = pgx_int(result, 0, 0) == (int64_t)what->count;
    *ret_appended =
        (struct store_appended){.version = pgx_int(result, 0, 1), .position = pgx_int(result, 0, 2)};
    return true;
}

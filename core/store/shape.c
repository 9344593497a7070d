/* Reads the catalogue; changes nothing. What it finds is a picture of one moment: whoever depends on it later
 * (the guard, the verifier) compares again. */
#include "store/shape.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "sql_embedded.h"

const struct store_profile store_profile_eventsource_py = {
    .position = "global_position",
    .event_id = "event_id",
    .stream = "aggregate_id",
    .stream_type = "aggregate_type",
    .event_type = "event_type",
    .tenant = "tenant_id",
    .actor = "actor_id",
    .version = "version",
    .timestamp = "timestamp",
    .payload = "payload",
    .created_at = "created_at",
    .transaction = "txid",
};

/* The profile's columns, with the names that templates use for them. Every store must have all but the last.
 */
struct meaning {
    const char *variable;
    const char *column;
};
#define MEANINGS 12
#define REQUIRED (MEANINGS - 1)
#define OWN_VARS 10 /* of every statement, besides the meanings */
#define STRINGIFY_(x) #x
#define STRINGIFY(x) STRINGIFY_(x)

static void list_meanings(const struct store_profile *p, struct meaning ret_list[MEANINGS])
{
    const struct meaning list[MEANINGS] = {
        {"position", p->position},     {"event_id", p->event_id},
        {"stream", p->stream},         {"stream_type", p->stream_type},
        {"event_type", p->event_type}, {"tenant", p->tenant},
        {"actor", p->actor},           {"version", p->version},
        {"timestamp", p->timestamp},   {"payload", p->payload},
        {"created_at", p->created_at}, {"transaction", p->transaction},
    };

    memcpy(ret_list, list, sizeof list);
}

bool store_profile_has(const char *column)
{
    struct meaning meanings[MEANINGS];

    list_meanings(&store_profile_eventsource_py, meanings);
    for (size_t i = 0; i < MEANINGS; i++)
        if (strcmp(meanings[i].column, column) == 0)
            return true;
    return false;
}

static bool find_relation(struct pgx_conn *conn, struct store_shape *shape, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(conn, STORE_TIMEOUT_US, sql_store_relation,
                   PGX_ARGS(PGX_TEXT(shape->schema), PGX_TEXT(shape->table)), &result, err))
        return false;
    if (pgx_rows(result) == 0) {
        err_set(err, TMV_ERR_REFUSED, "%s has no table %s.%s", pgx_place(conn), shape->schema, shape->table);
        return err_hint(err, "check the database and the table that the store names; eventsource-py and "
                             "tenantmv create an events table where there is none");
    }
    const char *kind = pgx_text(result, 0, 1);
    if (strcmp(kind, "r") != 0 && strcmp(kind, "p") != 0) {
        err_set(err, TMV_ERR_REFUSED, "%s.%s is not a table", shape->schema, shape->table);
        return err_hint(err, "name the table that holds the events, not a view or a foreign table");
    }
    shape->relation_oid = (uint32_t)pgx_int(result, 0, 0);
    shape->partitioned = strcmp(kind, "p") == 0;
    return true;
}

static bool read_columns(struct pgx_conn *conn, struct store_shape *shape, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(conn, STORE_TIMEOUT_US, sql_store_columns, PGX_ARGS(PGX_INT(shape->relation_oid)), &result,
                   err))
        return false;
    if (pgx_rows(result) > STORE_COLUMNS_MAX)
        return err_set(err, TMV_ERR_REFUSED, "%s.%s has %d columns; at most %d are supported", shape->schema,
                       shape->table, pgx_rows(result), STORE_COLUMNS_MAX);
    shape->column_count = (size_t)pgx_rows(result);
    for (size_t i = 0; i < shape->column_count; i++) {
        struct store_column *c = &shape->columns[i];
        int row = (int)i;

        if (!text_copy(c->name, sizeof c->name, pgx_text(result, row, 0)) ||
            !text_copy(c->type, sizeof c->type, pgx_text(result, row, 1)) ||
            !text_copy(c->send, sizeof c->send, pgx_text(result, row, 2)))
            return err_set(err, TMV_ERR_REFUSED, "the type of column %s of %s.%s has too long a name",
                           c->name, shape->schema, shape->table);
        c->not_null = pgx_bool(result, row, 3);
        c->has_default = pgx_bool(result, row, 4);
        c->generated = pgx_bool(result, row, 5);
        c->local_only = pgx_bool(result, row, 6);
        text_copy(shape->columns_version, sizeof shape->columns_version, pgx_text(result, row, 7));
    }
    return true;
}

static bool read_travel(struct pgx_conn *conn, struct store_shape *shape, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(conn, STORE_TIMEOUT_US, sql_store_column_types, PGX_ARGS(PGX_INT(shape->relation_oid)),
                   &result, err))
        return false;
    for (int row = 0; row < pgx_rows(result); row++) {
        const char *how = pgx_text(result, row, 1);

        for (size_t i = 0; i < shape->column_count; i++)
            if (strcmp(shape->columns[i].name, pgx_text(result, row, 0)) == 0)
                shape->columns[i].travel = strcmp(how, "local") == 0       ? STORE_LOCAL
                                           : strcmp(how, "no binary") == 0 ? STORE_NO_BINARY
                                                                           : STORE_TRAVELS;
    }
    return true;
}

static bool read_leaves(struct pgx_conn *conn, struct store_shape *shape, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!shape->partitioned)
        return true;
    if (!pgx_query(conn, STORE_TIMEOUT_US, sql_store_leaves, PGX_ARGS(PGX_INT(shape->relation_oid)), &result,
                   err))
        return false;
    if (pgx_rows(result) > STORE_LEAVES_MAX)
        return err_set(err, TMV_ERR_REFUSED, "%s.%s has %d partitions; at most %d are supported",
                       shape->schema, shape->table, pgx_rows(result), STORE_LEAVES_MAX);
    shape->leaf_count = (size_t)pgx_rows(result);
    for (size_t i = 0; i < shape->leaf_count; i++)
        shape->leaf_oids[i] = (uint32_t)pgx_int(result, (int)i, 0);
    return true;
}

static bool quote_name(char *out, size_t size, const char *schema, const char *name, struct tmv_error *err)
{
    AUTO(buf) struct buf b = BUF_INIT(300);

    pgx_qualified(&b, schema, name);
    if (!buf_ok(&b, err))
        return false;
    if (!text_copy(out, size, buf_text(&b)))
        return err_set(err, TMV_ERR_REFUSED, "the name %s.%s is too long", schema, name);
    return true;
}

static bool read_sequence(struct pgx_conn *conn, struct store_shape *shape, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    const char *position = store_profile_eventsource_py.position;

    if (!pgx_query(conn, STORE_TIMEOUT_US, sql_store_sequence,
                   PGX_ARGS(PGX_INT(shape->relation_oid), PGX_TEXT(position)), &result, err))
        return false;
    if (pgx_rows(result) != 1)
        return true;
    shape->sequence_oid = (uint32_t)pgx_int(result, 0, 2);
    text_copy(shape->sequence_schema, sizeof shape->sequence_schema, pgx_text(result, 0, 0));
    text_copy(shape->sequence_name, sizeof shape->sequence_name, pgx_text(result, 0, 1));
    return quote_name(shape->sequence, sizeof shape->sequence, shape->sequence_schema, shape->sequence_name,
                      err);
}

static bool check_profile(const struct store_shape *shape, struct tmv_error *err)
{
    AUTO(buf) struct buf missing = BUF_INIT(1000);
    struct meaning meanings[MEANINGS];

    list_meanings(&store_profile_eventsource_py, meanings);
    for (size_t i = 0; i < REQUIRED; i++)
        if (!store_shape_column(shape, meanings[i].column))
            buf_printf(&missing, "%s%s", missing.len ? ", " : "", meanings[i].column);
    if (missing.len == 0)
        return true;
    err_set(err, TMV_ERR_REFUSED, "%s.%s lacks %s", shape->schema, shape->table, buf_text(&missing));
    return err_hint(err, "the table must have the columns of eventsource-py's events table");
}

bool store_shape_read(struct pgx_conn *conn, const char *schema, const char *table,
                      struct store_shape *ret_shape, struct tmv_error *err)
{
    memset(ret_shape, 0, sizeof *ret_shape);
    if (!text_copy(ret_shape->schema, sizeof ret_shape->schema, *schema ? schema : "public") ||
        !text_copy(ret_shape->table, sizeof ret_shape->table, *table ? table : "events"))
        return err_set(err, TMV_ERR_USAGE, "the name of the events table is too long");
    return quote_name(ret_shape->events, sizeof ret_shape->events, ret_shape->schema, ret_shape->table,
                      err) &&
           find_relation(conn, ret_shape, err) && read_columns(conn, ret_shape, err) &&
           read_travel(conn, ret_shape, err) && read_leaves(conn, ret_shape, err) &&
           read_sequence(conn, ret_shape, err);
}

bool store_shape_discover(struct pgx_conn *conn, const char *schema, const char *table,
                          struct store_shape *ret_shape, struct tmv_error *err)
{
    return store_shape_read(conn, schema, table, ret_shape, err) && check_profile(ret_shape, err);
}

const struct store_column *store_shape_column(const struct store_shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->column_count; i++)
        if (strcmp(shape->columns[i].name, name) == 0)
            return &shape->columns[i];
    return NULL;
}

void store_shape_leave(struct store_shape *shape, const struct tmv_names *columns)
{
    for (size_t i = 0; i < shape->column_count; i++)
        shape->columns[i].left = tmv_names_contain(columns, shape->columns[i].name);
}

const struct store_column *store_shape_transaction(const struct store_shape *shape)
{
    const struct store_column *c = store_shape_column(shape, store_profile_eventsource_py.transaction);

    return c && c->local_only ? c : NULL;
}

bool store_column_is_copied(const struct store_column *from, const struct store_column *to)
{
    return from && to && !from->generated && !to->generated && !from->local_only && !from->left &&
           from->travel == STORE_TRAVELS;
}

bool store_column_is_watched(const struct store_column *from, const struct store_column *to)
{
    return !store_column_is_copied(from, to) && !from->left && !from->local_only &&
           !(from->generated && to && to->generated);
}

bool store_column_is_emptied(const struct store_shape *source, const struct store_column *to)
{
    return to->local_only && !to->not_null &&
           !store_column_is_copied(store_shape_column(source, to->name), to);
}

static void separate(struct buf *list, size_t begin)
{
    if (list->len > begin)
        buf_str(list, ", ");
}

static void add_copied(const struct store_shape *source, const struct store_shape *target, const char *alias,
                       struct buf *ret_list)
{
    size_t begin = ret_list->len;

    for (size_t i = 0; i < source->column_count; i++) {
        const struct store_column *from = &source->columns[i];

        if (!store_column_is_copied(from, store_shape_column(target, from->name)))
            continue;
        separate(ret_list, begin);
        if (alias)
            buf_printf(ret_list, "%s.", alias);
        pgx_ident(ret_list, from->name);
    }
}

/* The columns that are emptied follow the copied ones, on both sides. */
static void add_emptied(const struct store_shape *source, const struct store_shape *target, bool names,
                        struct buf *ret_list)
{
    for (size_t i = 0; i < target->column_count; i++) {
        const struct store_column *to = &target->columns[i];

        if (!store_column_is_emptied(source, to))
            continue;
        buf_str(ret_list, ", ");
        if (names)
            pgx_ident(ret_list, to->name);
        else
            buf_str(ret_list, "NULL");
    }
}

void store_copied_columns(const struct store_shape *source, const struct store_shape *target,
                          const char *alias, struct buf *ret_list)
{
    add_copied(source, target, alias, ret_list);
    add_emptied(source, target, false, ret_list);
}

void store_filled_columns(const struct store_shape *source, const struct store_shape *target,
                          struct buf *ret_list)
{
    add_copied(source, target, NULL, ret_list);
    add_emptied(source, target, true, ret_list);
}

void store_appended_columns(const struct store_shape *source, const struct store_shape *target,
                            struct buf *ret_list)
{
    const char *position = store_profile_eventsource_py.position;

    pgx_ident(ret_list, position);
    for (size_t i = 0; i < source->column_count; i++) {
        const struct store_column *from = &source->columns[i];

        if (strcmp(from->name, position) == 0 ||
            !store_column_is_copied(from, store_shape_column(target, from->name)))
            continue;
        buf_str(ret_list, ", ");
        pgx_ident(ret_list, from->name);
    }
}

const char *store_key_sql(uint32_t oid, char ret_sql[STORE_KEY_SQL])
{
    snprintf(ret_sql, STORE_KEY_SQL, "'%" PRIu32 "'::regclass", oid);
    return ret_sql;
}

bool store_sql(struct buf *b, const char *template, const struct store_shape *shape,
               const struct pgx_var *extra, size_t extra_count, struct tmv_error *err)
{
    struct pgx_var vars[MEANINGS + OWN_VARS + 16];
    struct meaning meanings[MEANINGS];
    AUTO(buf) struct buf schema = BUF_INIT(200);
    AUTO(buf) struct buf quoted = BUF_INIT(2000);
    AUTO(buf) struct buf position = BUF_INIT(200);
    AUTO(buf) struct buf transaction = BUF_INIT(200);
    char events_oid[12], sequence_oid[12], events_key[STORE_KEY_SQL], sequence_key[STORE_KEY_SQL];
    size_t starts[MEANINGS];
    size_t n = 0;

    if (extra_count > ARRAY_LEN(vars) - MEANINGS - OWN_VARS)
        return err_set(err, TMV_ERR_INTERNAL, "too many variables in a statement");
    list_meanings(&store_profile_eventsource_py, meanings);
    for (size_t i = 0; i < MEANINGS; i++) {
        starts[i] = quoted.len;
        pgx_ident(&quoted, meanings[i].column);
        buf_char(&quoted, '\0');
    }
    pgx_ident(&schema, shape->schema);
    pgx_literal(&position, store_profile_eventsource_py.position);
    pgx_literal(&transaction, store_profile_eventsource_py.transaction);
    snprintf(events_oid, sizeof events_oid, "%" PRIu32, shape->relation_oid);
    snprintf(sequence_oid, sizeof sequence_oid, "%" PRIu32, shape->sequence_oid);
    if (!buf_ok(&quoted, err) || !buf_ok(&schema, err) || !buf_ok(&position, err) ||
        !buf_ok(&transaction, err))
        return false;
    for (size_t i = 0; i < MEANINGS; i++)
        vars[n++] = (struct pgx_var){meanings[i].variable, quoted.data + starts[i]};
    vars[n++] = (struct pgx_var){"events", shape->events};
    vars[n++] = (struct pgx_var){"schema", buf_text(&schema)};
    vars[n++] = (struct pgx_var){"sequence", shape->sequence};
    vars[n++] = (struct pgx_var){"position_literal", buf_text(&position)};
    vars[n++] = (struct pgx_var){"transaction_literal", buf_text(&transaction)};
    vars[n++] = (struct pgx_var){"events_oid", events_oid};
    vars[n++] = (struct pgx_var){"sequence_oid", sequence_oid};
    vars[n++] = (struct pgx_var){"events_key", store_key_sql(shape->relation_oid, events_key)};
    vars[n++] = (struct pgx_var){"sequence_key", store_key_sql(shape->sequence_oid, sequence_key)};
    vars[n++] = (struct pgx_var){"store_version", STRINGIFY(STORE_SCHEMA_VERSION)};
    for (size_t i = 0; i < extra_count; i++)
        vars[n++] = extra[i];
    return pgx_expand(b, template, vars, n, err);
}

bool store_connect(const struct tmv_store_info *store, const struct pgx_options *like,
                   struct pgx_conn **ret_conn, struct tmv_error *err)
{
    struct pgx_options options = *like;

    struct tmv_store_identity found;
    AUTO_CONN struct pgx_conn *conn = NULL;

    options.conninfo = store->conninfo;
    options.user = store->role;
    if (!pgx_connect(&options, &conn, err))
        return err_wrap(err, "store %s", store->id);
    if (store->identity.system_identifier[0] && (!store_identity_read(conn, store, &found, err) ||
                                                 !store_identity_check(store, &found, pgx_place(conn), err)))
        return false;
    *ret_conn = TAKE(conn);
    return true;
}

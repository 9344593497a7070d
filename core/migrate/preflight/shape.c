/* Shape: whether the two events tables are alike enough to hold the same events, and plain enough to be
 * guarded. */
#include "migrate/preflight/check.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "sql_embedded.h"

#define OID(end) PGX_INT((end)->shape.relation_oid)
#define LIST_MAX 2000

static bool events_table(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                         struct tmv_error *err)
{
    (void)view;
    (void)err;
    if (end->has_shape) {
        check_seen(check, TMV_VERDICT_OK, "%s: %zu columns, %s", end->shape.events, end->shape.column_count,
                   end->shape.partitioned ? "partitioned" : "plain");
        return true;
    }
    check_seen(check, TMV_VERDICT_REFUSE, "%s", end->why_no_shape.message);
    if (err_is_sqlstate(&end->why_no_shape, "57014"))
        check_todo(check,
                   "something keeps the table locked: see who in pg_locks, and ask again when it has ended");
    else
        check_todo(check, "%s",
                   *end->why_no_shape.hint ? end->why_no_shape.hint : "make the table readable for the role");
    return true;
}

static bool is_local_only(const struct store_column *column)
{
    return column->local_only;
}

static void add_name(struct buf *list, const char *name)
{
    buf_printf(list, "%s%s", list->len ? ", " : "", name);
}

/* Columns that only one side has, sorted by what that means. */
struct column_lists {
    struct buf lost;     /* only on the source: not copied */
    struct buf extra;    /* only on the target, which fills them */
    struct buf required; /* only on the target, which cannot fill them */
};

static void compare_columns(const struct store_shape *source, const struct store_shape *target,
                            struct column_lists *lists)
{
    for (size_t i = 0; i < source->column_count; i++)
        if (!store_shape_column(target, source->columns[i].name) && !is_local_only(&source->columns[i]))
            add_name(&lists->lost, source->columns[i].name);
    for (size_t i = 0; i < target->column_count; i++) {
        const struct store_column *c = &target->columns[i];
        const struct store_column *from = store_shape_column(source, c->name);

        if (c->generated || is_local_only(c) || (from && !from->generated))
            continue;
        add_name(c->not_null && !c->has_default ? &lists->required : &lists->extra, c->name);
    }
}

static bool columns(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                    struct tmv_error *err)
{
    const struct store_shape *target = &end->shape;
    AUTO(buf) struct buf both = BUF_INIT(2 * LIST_MAX);
    struct column_lists lists = {BUF_INIT(LIST_MAX), BUF_INIT(LIST_MAX), BUF_INIT(LIST_MAX)};

    (void)err;
    compare_columns(&view->source.shape, target, &lists);
    if (lists.lost.len)
        buf_printf(&both, "only on the source, so not copied: %s", buf_text(&lists.lost));
    if (lists.extra.len)
        buf_printf(&both, "%sonly on the target, so filled by their default: %s", both.len ? "; " : "",
                   buf_text(&lists.extra));
    if (lists.required.len) {
        check_seen(check, TMV_VERDICT_REFUSE,
                   "the target insists on values that the source does not have: %s",
                   buf_text(&lists.required));
        check_todo(check,
                   "on the target, for each: ALTER TABLE %s ALTER COLUMN … DROP NOT NULL; or SET DEFAULT",
                   target->events);
    } else if (both.len) {
        check_seen(check, TMV_VERDICT_WARN, "%s", buf_text(&both));
        check_todo(check, "add what should be copied to the target: ALTER TABLE %s ADD COLUMN …",
                   target->events);
    } else {
        check_seen(check, TMV_VERDICT_OK, "the same %zu columns on both sides", target->column_count);
    }
    buf_release(&lists.lost);
    buf_release(&lists.extra);
    buf_release(&lists.required);
    return true;
}

/* varchar(n) holds everything that fits a shorter one. */
static bool varchar_fits(const char *from, const char *to)
{
    const char *word = "character varying";
    int64_t have = 0;
    int64_t room = 0;
    char digits[24];

    if (!text_starts(from, word) || !text_starts(to, word))
        return false;
    from += strlen(word);
    to += strlen(word);
    if (!*to)
        return true;
    text_copy(digits, sizeof digits, *from ? from + 1 : "");
    digits[strcspn(digits, ")")] = '\0';
    if (!text_to_int64(digits, 1, INT32_MAX, &have))
        return false;
    text_copy(digits, sizeof digits, to + 1);
    digits[strcspn(digits, ")")] = '\0';
    return text_to_int64(digits, 1, INT32_MAX, &room) && room >= have;
}

/* Arrays of types that a user made carry the type's oid, which differs between databases. */
static bool binary_is_portable(const struct store_column *column)
{
    return strcmp(column->send, "array_send") != 0 || !strchr(column->type, '.');
}

static bool types(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                  struct tmv_error *err)
{
    const struct store_shape *source = &view->source.shape;
    AUTO(buf) struct buf wrong = BUF_INIT(LIST_MAX);

    (void)err;
    for (size_t i = 0; i < source->column_count; i++) {
        const struct store_column *from = &source->columns[i];
        const struct store_column *to = store_shape_column(&end->shape, from->name);

        if (!to || from->generated || to->generated || is_local_only(from))
            continue;
        if (strcmp(from->type, to->type) != 0 && !varchar_fits(from->type, to->type))
            buf_printf(&wrong, "%s%s is %s there and %s here", wrong.len ? ", " : "", from->name, from->type,
                       to->type);
        else if (!binary_is_portable(from))
            buf_printf(&wrong, "%s%s is %s, whose binary form holds numbers of one database only",
                       wrong.len ? ", " : "", from->name, from->type);
    }
    check_seen(check, TMV_VERDICT_OK, "the same types on both sides");
    if (!wrong.len)
        return true;
    check_seen(check, TMV_VERDICT_REFUSE, "%s", buf_text(&wrong));
    check_todo(check, "make the types equal on the target: ALTER TABLE %s ALTER COLUMN … TYPE …;",
               end->shape.events);
    return true;
}

static bool generated(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                      struct tmv_error *err)
{
    const struct store_shape *source = &view->source.shape;
    AUTO(buf) struct buf computed = BUF_INIT(LIST_MAX);
    AUTO(buf) struct buf replaced = BUF_INIT(LIST_MAX);

    (void)err;
    for (size_t i = 0; i < end->shape.column_count; i++) {
        const struct store_column *to = &end->shape.columns[i];
        const struct store_column *from = store_shape_column(source, to->name);

        if (to->generated)
            add_name(from && !from->generated ? &replaced : &computed, to->name);
    }
    check_seen(check, TMV_VERDICT_OK, "%s%s", computed.len ? "computed by the target itself: " : "none",
               buf_text(&computed));
    if (!replaced.len)
        return true;
    check_seen(check, TMV_VERDICT_WARN, "the target computes what the source stores: %s",
               buf_text(&replaced));
    check_todo(
        check,
        "make sure that the expression gives the same values, or make them plain columns on the target");
    return true;
}

/* Binary COPY of a NULL into a column that forbids it fails in the middle of the copy; whether the tenant has
 * any is for the data group to find out. */
static bool position(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                     struct tmv_error *err)
{
    const char *column = store_profile_eventsource_py.position;
    const struct finding f = {sql_preflight_sequence_shape,
                              PGX_ARGS(PGX_TEXT(end->shape.sequence), OID(end), PGX_TEXT(column)),
                              TMV_VERDICT_REFUSE, "nextval of one sequence, one by one"};

    (void)view;
    if (*end->shape.sequence)
        return check_finding(end, &f, check, err);
    check_seen(check, TMV_VERDICT_REFUSE, "the default of %s is not exactly nextval of one sequence", column);
    check_todo(check,
               "give it one: CREATE SEQUENCE s; ALTER TABLE %s ALTER COLUMN %s DROP IDENTITY IF EXISTS; "
               "then make DEFAULT nextval('s') the default of %s, and setval it beyond the highest position",
               end->shape.events, column, column);
    return true;
}

static bool position_index(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                           struct tmv_error *err)
{
    const struct finding f = {sql_preflight_position_index,
                              PGX_ARGS(OID(end), PGX_TEXT(store_profile_eventsource_py.position)),
                              TMV_VERDICT_REFUSE, "an index begins with the position"};

    (void)view;
    return check_finding(end, &f, check, err);
}

/* Most rows of this group are one statement over the events table. */
static bool look_at_table(struct preflight_end *end, const char *sql, enum tmv_verdict verdict,
                          const char *fine, struct tmv_check *check, struct tmv_error *err)
{
    const struct finding f = {sql, PGX_ARGS(OID(end)), verdict, fine};

    return check_finding(end, &f, check, err);
}

static bool late_triggers(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                          struct tmv_error *err)
{
    (void)view;
    return look_at_table(end, sql_preflight_late_triggers, TMV_VERDICT_REFUSE,
                         "no trigger fires after the guard", check, err);
}

static bool rules(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                  struct tmv_error *err)
{
    (void)view;
    return look_at_table(end, sql_preflight_rules, TMV_VERDICT_REFUSE, "no rules", check, err);
}

static bool table_kind(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                       struct tmv_error *err)
{
    (void)view;
    return look_at_table(end, sql_preflight_table_kind, TMV_VERDICT_REFUSE,
                         "one permanent table with local partitions", check, err);
}

static bool foreign_keys(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                         struct tmv_error *err)
{
    (void)view;
    return look_at_table(end, sql_preflight_foreign_keys, TMV_VERDICT_WARN, "no foreign keys", check, err);
}

static bool copy_triggers(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                          struct tmv_error *err)
{
    (void)view;
    return look_at_table(end, sql_preflight_copy_triggers, TMV_VERDICT_WARN, "none fires for copied events",
                         check, err);
}

static bool default_partition(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                              struct tmv_error *err)
{
    (void)view;
    return look_at_table(end, sql_preflight_default_partition, TMV_VERDICT_WARN,
                         "every event finds its place", check, err);
}

/* Lists something of the source and asks the target what it makes of the list. */
static bool compare(struct preflight_view *view, const char *list_sql, const char *compare_sql,
                    const char *fine, struct tmv_check *check, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *list = NULL;

    if (!check_query(&view->source, list_sql, PGX_ARGS(OID(&view->source)), &list, err))
        return false;
    const struct finding f = {compare_sql, PGX_ARGS(OID(&view->target), PGX_TEXT(pgx_text(list, 0, 0))),
                              TMV_VERDICT_WARN, fine};
    return check_finding(&view->target, &f, check, err);
}

static bool triggers_alike(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                           struct tmv_error *err)
{
    (void)end;
    return compare(view, sql_preflight_triggers, sql_preflight_triggers_lacking,
                   "the target has every trigger of the source", check, err);
}

static bool check_constraints(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                              struct tmv_error *err)
{
    (void)end;
    return compare(view, sql_preflight_check_constraints, sql_preflight_check_constraints_extra,
                   "the target checks nothing that the source does not check", check, err);
}

static bool unique(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                   struct tmv_error *err)
{
    (void)end;
    return compare(view, sql_preflight_unique_indexes, sql_preflight_unique_compared,
                   "the same unique indexes on both sides", check, err);
}

static bool replication(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                        struct tmv_error *err)
{
    const struct finding f = {sql_preflight_replication, PGX_ARGS(OID(end), PGX_TEXT(end->word)),
                              TMV_VERDICT_REFUSE, "not fed by a subscription"};

    (void)view;
    return check_finding(end, &f, check, err);
}

static const struct preflight_check checks[] = {
    {"source-events-table", ON_SOURCE, false, events_table},
    {"target-events-table", ON_TARGET, false, events_table},
    {"columns", ON_BOTH, true, columns},
    {"types", ON_BOTH, true, types},
    {"generated-columns", ON_BOTH, true, generated},
    {"source-position", ON_SOURCE, true, position},
    {"target-position", ON_TARGET, true, position},
    {"source-position-index", ON_SOURCE, true, position_index},
    {"target-position-index", ON_TARGET, true, position_index},
    {"source-late-triggers", ON_SOURCE, true, late_triggers},
    {"target-late-triggers", ON_TARGET, true, late_triggers},
    {"copy-triggers", ON_TARGET, true, copy_triggers},
    {"triggers-alike", ON_BOTH, true, triggers_alike},
    {"source-rules", ON_SOURCE, true, rules},
    {"target-rules", ON_TARGET, true, rules},
    {"source-table-kind", ON_SOURCE, true, table_kind},
    {"target-table-kind", ON_TARGET, true, table_kind},
    {"default-partition", ON_TARGET, true, default_partition},
    {"check-constraints", ON_BOTH, true, check_constraints},
    {"unique", ON_BOTH, true, unique},
    {"source-foreign-keys", ON_SOURCE, true, foreign_keys},
    {"target-foreign-keys", ON_TARGET, true, foreign_keys},
    {"source-replication", ON_SOURCE, true, replication},
    {"target-replication", ON_TARGET, true, replication},
};
const struct preflight_group preflight_shape = {"shape", checks, ARRAY_LEN(checks)};

/* Columns: whether every value that the tenant has in a column arrives on the target, and means the same
 * there. A value that does not is a refusal until the operator gives the column up by name. */
#include "preflight/check.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "sql_embedded.h"

#define OID(end) PGX_INT((end)->shape.relation_oid)
#define LIST_MAX 2000

static void add_name(struct buf *list, const char *name)
{
    buf_printf(list, "%s%s", list->len ? ", " : "", name);
}

/* ---- columns that only the target has ---- */

static void compare_columns(const struct store_shape *source, const struct store_shape *target,
                            struct buf *ret_extra, struct buf *ret_required)
{
    for (size_t i = 0; i < target->column_count; i++) {
        const struct store_column *c = &target->columns[i];

        if (c->generated || c->local_only || store_column_is_copied(store_shape_column(source, c->name), c))
            continue;
        add_name(c->not_null && !c->has_default ? ret_required : ret_extra, c->name);
    }
}

static bool columns(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                    struct tmv_error *err)
{
    const struct store_shape *target = &end->shape;
    AUTO(buf) struct buf extra = BUF_INIT(LIST_MAX);    /* filled by the target */
    AUTO(buf) struct buf required = BUF_INIT(LIST_MAX); /* the target cannot fill them */

    (void)err;
    compare_columns(&view->source.shape, target, &extra, &required);
    if (required.len) {
        check_seen(check, TMV_VERDICT_REFUSE,
                   "the target insists on values that the source does not give: %s", buf_text(&required));
        check_todo(check,
                   "on the target, for each: ALTER TABLE %s ALTER COLUMN … DROP NOT NULL; or SET DEFAULT",
                   target->events);
    } else if (extra.len) {
        check_seen(check, TMV_VERDICT_WARN,
                   "the source gives no values for: %s; the target's defaults fill them", buf_text(&extra));
        check_todo(check, "make sure that these defaults are right for the tenant's events");
    } else {
        check_seen(check, TMV_VERDICT_OK, "every column of the target is filled from the source");
    }
    return true;
}

/* ---- columns whose values would stay behind ---- */

/* Why a column is not copied, for the operator. */
static const char *why_left(const struct store_column *from, const struct store_column *to)
{
    if (!to)
        return "the target has no such column";
    if (from->generated)
        return "only the source generates it";
    if (to->generated)
        return "only the target generates it";
    if (from->travel == STORE_LOCAL)
        return "its values mean something in the source's database only";
    return "its type has no binary form that the target could read";
}

/* A server that gives up has not said that there is none. */
static bool has_values(struct preflight_view *view, const struct store_column *column, bool *ret_has,
                       bool *ret_known, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    AUTO(buf) struct buf name = BUF_INIT(200);
    AUTO_RESULT struct pgx_result *row = NULL;

    pgx_ident(&name, column->name);
    const struct pgx_var vars[] = {{"column", buf_text(&name)}};
    if (!store_sql(&sql, sql_preflight_left_value, &view->source.shape, vars, ARRAY_LEN(vars), err))
        return false;
    *ret_known = pgx_query(view->source.conn, PREFLIGHT_WAIT_US, buf_text(&sql),
                           PGX_ARGS(PGX_TEXT(view->tenant)), &row, err);
    *ret_has = *ret_known && pgx_bool(row, 0, 0);
    return *ret_known || err_is_sqlstate(err, "57014");
}

struct left_lists {
    struct buf lost;     /* with values, or not known to be without: refused */
    struct buf options;  /* what accepts them */
    struct buf empty;    /* without a value now */
    struct buf accepted; /* given up on purpose */
};

static void left_lists_auto(struct left_lists *l)
{
    buf_release(&l->lost);
    buf_release(&l->options);
    buf_release(&l->empty);
    buf_release(&l->accepted);
}

static bool sort_column(struct preflight_view *view, const struct store_column *from, struct left_lists *l,
                        struct tmv_error *err)
{
    const struct store_column *to = store_shape_column(&view->target.shape, from->name);
    bool has = false;
    bool known = true;

    if (from->left)
        add_name(&l->accepted, from->name);
    if (!store_column_is_watched(from, to))
        return true;
    if (!has_values(view, from, &has, &known, err))
        return false;
    if (known && !has && view->options->settings.verify_consistency) {
        add_name(&l->empty, from->name);
        return true;
    }
    buf_printf(&l->lost, "%s%s (%s%s)", l->lost.len ? ", " : "", from->name, why_left(from, to),
               !known ? "; whether it has values was not found out in time"
               : !has ? "; it has no values now, but without verification a later one would be missed"
                      : "");
    buf_printf(&l->options, " --leave-column %s", from->name);
    return true;
}

static bool left_columns(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                         struct tmv_error *err)
{
    AUTO(left_lists)
    struct left_lists l = {BUF_INIT(LIST_MAX), BUF_INIT(LIST_MAX), BUF_INIT(LIST_MAX), BUF_INIT(LIST_MAX)};

    for (size_t i = 0; i < view->source.shape.column_count; i++)
        if (!sort_column(view, &view->source.shape.columns[i], &l, err))
            return false;
    check_seen(check, TMV_VERDICT_OK, "every column of the source that has values is copied");
    if (l.empty.len)
        check_seen(check, TMV_VERDICT_OK,
                   "not copied, and without values of the tenant: %s; verification fails when one appears",
                   buf_text(&l.empty));
    if (l.accepted.len) {
        check_seen(check, TMV_VERDICT_WARN, "left behind as asked: %s", buf_text(&l.accepted));
        check_todo(check, "their values are not copied and not compared; they stay on the source");
    }
    if (!l.lost.len)
        return true;
    check_seen(check, TMV_VERDICT_REFUSE, "the tenant's values would be left behind: %s", buf_text(&l.lost));
    check_todo(
        check,
        "give the target a plain column of the same type (ALTER TABLE %s ADD COLUMN …; a type that can "
        "be carried, such as text), or give the values up:%s",
        end->shape.events, buf_text(&l.options));
    return true;
}

/* What is accepted must be there, and must not be what makes an event. */
static bool left_names(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                       struct tmv_error *err)
{
    const struct tmv_names *names = &view->options->settings.leave_columns;
    size_t count = tmv_names_count(names);

    (void)end;
    (void)err;
    check_seen(check, TMV_VERDICT_OK, count ? "the columns to leave behind exist" : "no column is given up");
    for (size_t i = 0; i < count; i++) {
        if (store_profile_has(names->name[i]))
            check_seen(check, TMV_VERDICT_REFUSE,
                       "column %s is part of every event: it cannot be left behind", names->name[i]);
        else if (!store_shape_column(&view->source.shape, names->name[i]))
            check_seen(check, TMV_VERDICT_REFUSE, "the source has no column %s to leave behind",
                       names->name[i]);
        else
            continue;
        check_todo(check, "take --leave-column %s out, or correct the name", names->name[i]);
        return true;
    }
    return true;
}

/* ---- types ---- */

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

bool check_type_fits(const char *from, const char *to)
{
    return strcmp(from, to) == 0 || varchar_fits(from, to);
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

        if (!store_column_is_copied(from, to) || check_type_fits(from->type, to->type))
            continue;
        buf_printf(&wrong, "%s%s is %s there and %s here", wrong.len ? ", " : "", from->name, from->type,
                   to->type);
    }
    check_seen(check, TMV_VERDICT_OK, "the same types on both sides");
    if (!wrong.len)
        return true;
    check_seen(check, TMV_VERDICT_REFUSE, "%s", buf_text(&wrong));
    check_todo(check, "make the types equal on the target: ALTER TABLE %s ALTER COLUMN … TYPE …;",
               end->shape.events);
    return true;
}

static void copied_names(const struct preflight_view *view, struct buf *ret_array)
{
    const struct store_shape *source = &view->source.shape;

    for (size_t i = 0; i < source->column_count; i++)
        if (store_column_is_copied(&source->columns[i],
                                   store_shape_column(&view->target.shape, source->columns[i].name)))
            pgx_array_add(ret_array, source->columns[i].name);
    buf_char(ret_array, '}'); /* the position is always among them */
}

static bool type_parts(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                       struct tmv_error *err)
{
    AUTO(buf) struct buf names = BUF_INIT(8192);
    AUTO_RESULT struct pgx_result *there = NULL;
    AUTO_RESULT struct pgx_result *here = NULL;

    copied_names(view, &names);
    if (!buf_ok(&names, err) ||
        !check_query(&view->source, sql_preflight_type_parts,
                     PGX_ARGS(OID(&view->source), PGX_TEXT(buf_text(&names))), &there, err) ||
        !check_query(end, sql_preflight_type_parts, PGX_ARGS(OID(end), PGX_TEXT(buf_text(&names))), &here,
                     err))
        return false;
    const struct finding f = {sql_preflight_type_parts_lacking,
                              PGX_ARGS(PGX_TEXT(pgx_text(there, 0, 0)), PGX_TEXT(pgx_text(here, 0, 0))),
                              TMV_VERDICT_REFUSE, "the target's own types can hold what the source's hold"};
    return check_finding(end, &f, check, err);
}

/* ---- generated columns ---- */

static bool generated(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                      struct tmv_error *err)
{
    const struct tmv_names *names = &view->options->settings.leave_columns;
    AUTO(buf) struct buf computed = BUF_INIT(LIST_MAX);
    AUTO(buf) struct buf left = BUF_INIT(LIST_MAX);
    AUTO_RESULT struct pgx_result *there = NULL;

    for (size_t i = 0; i < end->shape.column_count; i++)
        if (end->shape.columns[i].generated)
            add_name(&computed, end->shape.columns[i].name);
    for (size_t i = 0; i < tmv_names_count(names); i++)
        pgx_array_add(&left, names->name[i]);
    buf_str(&left, left.len ? "}" : "{}");
    if (!check_query(&view->source, sql_preflight_generated, PGX_ARGS(OID(&view->source)), &there, err))
        return false;
    const struct finding f = {sql_preflight_generated_compared,
                              PGX_ARGS(OID(end), PGX_TEXT(pgx_text(there, 0, 0)), PGX_TEXT(buf_text(&left))),
                              TMV_VERDICT_REFUSE, "none"};
    if (!check_finding(end, &f, check, err))
        return false;
    if (check->verdict == TMV_VERDICT_OK && computed.len)
        check_seen(check, TMV_VERDICT_OK, "computed by the target itself: %s", buf_text(&computed));
    return true;
}

static const struct preflight_check checks[] = {
    {"columns", ON_BOTH, true, columns},
    {"left-columns", ON_BOTH, true, left_columns},
    {"left-column-names", ON_BOTH, true, left_names},
    {"types", ON_BOTH, true, types},
    {"type-parts", ON_BOTH, true, type_parts},
    {"generated-columns", ON_BOTH, true, generated},
};
const struct preflight_group preflight_columns = {"columns", checks, ARRAY_LEN(checks)};

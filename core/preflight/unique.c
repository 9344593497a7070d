/* Uniqueness: what the unique indexes of both sides enforce, and whether the tenant's events keep what only
 * the target enforces. */
#include "preflight/check.h"

#include "lib/cleanup.h"
#include "lib/err.h"
#include "sql_embedded.h"

#define OID(end) PGX_INT((end)->shape.relation_oid)
#define LIST_MAX 2000

static bool read_indexes(struct preflight_end *end, struct pgx_result **ret_list, struct tmv_error *err)
{
    return check_query(end, sql_preflight_unique_indexes,
                       PGX_ARGS(OID(end), PGX_TEXT(store_profile_eventsource_py.tenant)), ret_list, err);
}

static bool unique(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                   struct tmv_error *err)
{
    const struct store_profile *names = &store_profile_eventsource_py;
    AUTO_RESULT struct pgx_result *there = NULL;
    AUTO_RESULT struct pgx_result *here = NULL;

    if (!read_indexes(&view->source, &there, err) || !read_indexes(end, &here, err))
        return false;
    const struct finding f = {sql_preflight_unique_compared,
                              PGX_ARGS(OID(end), PGX_TEXT(pgx_text(there, 0, 0)),
                                       PGX_TEXT(pgx_text(here, 0, 0)), PGX_TEXT(names->event_id),
                                       PGX_TEXT(names->stream), PGX_TEXT(names->stream_type),
                                       PGX_TEXT(names->version)),
                              TMV_VERDICT_REFUSE, "what is unique on the source is unique on the target"};
    return check_finding(end, &f, check, err);
}

struct duplicates {
    struct buf found;       /* what the target would not let in */
    struct buf not_counted; /* and what could not be counted */
};

static void duplicates_auto(struct duplicates *d)
{
    buf_release(&d->found);
    buf_release(&d->not_counted);
}

/* The expressions are the target's; the source may not know a column or a function of theirs, or may need too
 * long. */
static bool count_duplicates(struct preflight_view *view, const struct pgx_result *list, int row,
                             struct duplicates *d, struct tmv_error *err)
{
    const char *name = pgx_text(list, row, 0);
    const struct pgx_var vars[] = {{"grouped", pgx_text(list, row, 1)}, {"counted", pgx_text(list, row, 2)}};
    AUTO(buf) struct buf sql = BUF_INIT(16 * 1024);
    AUTO_RESULT struct pgx_result *count = NULL;

    if (!store_sql(&sql, sql_preflight_duplicates, &view->source.shape, vars, ARRAY_LEN(vars), err))
        return false;
    if (!pgx_query(view->source.conn, PREFLIGHT_WAIT_US, buf_text(&sql), PGX_ARGS(PGX_TEXT(view->tenant)),
                   &count, err)) {
        if (!pgx_is_usable(view->source.conn))
            return false;
        buf_printf(&d->not_counted, "%s%s (%s)", d->not_counted.len ? "; " : "", name, err->message);
    } else if (pgx_int(count, 0, 0) > 0) {
        buf_printf(&d->found, "%s%s %s times, for example %s at positions %s", d->found.len ? "; " : "", name,
                   pgx_text(count, 0, 0), pgx_text(count, 0, 1), pgx_text(count, 0, 2));
    }
    return true;
}

static bool duplicates(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                       struct tmv_error *err)
{
    AUTO(duplicates) struct duplicates d = {BUF_INIT(LIST_MAX), BUF_INIT(LIST_MAX)};
    AUTO_RESULT struct pgx_result *there = NULL;
    AUTO_RESULT struct pgx_result *here = NULL;
    AUTO_RESULT struct pgx_result *list = NULL;

    if (!read_indexes(&view->source, &there, err) || !read_indexes(end, &here, err) ||
        !check_query(end, sql_preflight_unique_only_here,
                     PGX_ARGS(PGX_TEXT(pgx_text(there, 0, 0)), PGX_TEXT(pgx_text(here, 0, 0))), &list, err))
        return false;
    for (int row = 0; row < pgx_rows(list); row++)
        if (!count_duplicates(view, list, row, &d, err))
            return false;
    check_seen(check, TMV_VERDICT_OK, "the tenant's events keep every unique index of the target");
    if (d.found.len) {
        check_seen(check, TMV_VERDICT_REFUSE, "the target's unique indexes would turn events away: %s",
                   buf_text(&d.found));
        check_todo(check, "drop the index on the target, or find out why the source has such events");
    } else if (d.not_counted.len) {
        check_seen(check, TMV_VERDICT_WARN, "only on the target, and not counted: %s",
                   buf_text(&d.not_counted));
        check_todo(check, "an event that violates one stops the move: make sure that none does");
    }
    return true;
}

static const struct preflight_check checks[] = {
    {"unique", ON_BOTH, true, unique},
    {"duplicates", ON_BOTH, true, duplicates},
};
const struct preflight_group preflight_unique = {"unique", checks, ARRAY_LEN(checks)};

/* Way back: whether events that are first written to the target can be carried to the source, which a move
 * with hold_s does from its decision on. What a move needs anyway (the sequence of the source, its rules and
 * fences) is asked for by the other groups. */
#include "preflight/check.h"

#include "lib/cleanup.h"
#include "lib/err.h"
#include "sql_embedded.h"

#define OID(end) PGX_INT((end)->shape.relation_oid)
#define LIST_MAX 2000

static bool rights(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                   struct tmv_error *err)
{
    const struct finding f = {sql_preflight_table_rights,
                              PGX_ARGS(OID(end), PGX_TEXT("INSERT"), PGX_TEXT("USAGE")), TMV_VERDICT_REFUSE,
                              "the role may write events to the source"};

    (void)view;
    return check_finding(end, &f, check, err);
}

static bool sequence(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                     struct tmv_error *err)
{
    const struct finding f = {sql_preflight_nextval_rights, PGX_ARGS(PGX_TEXT(end->shape.sequence)),
                              TMV_VERDICT_REFUSE, "the role may take positions of the source"};

    (void)view;
    if (*end->shape.sequence)
        return check_finding(end, &f, check, err);
    check_seen(check, TMV_VERDICT_OK, "no sequence to have rights on (see shape)");
    return true;
}

/* ---- columns ---- */

/* Names of columns, by what is wrong with them on the way back. */
struct misfits {
    struct buf lost;     /* of the target: not carried */
    struct buf narrow;   /* of the target: the source holds less */
    struct buf required; /* of the source: nothing fills them */
    struct buf nullable; /* of the target: NULL is possible there only */
};

static void misfits_auto(struct misfits *m)
{
    buf_release(&m->lost);
    buf_release(&m->narrow);
    buf_release(&m->required);
    buf_release(&m->nullable);
}

static void add(struct buf *list, const struct store_column *column)
{
    buf_printf(list, "%s%s (%s)", list->len ? ", " : "", column->name, column->type);
}

static void find_misfits(const struct store_shape *target, const struct store_shape *source,
                         struct misfits *m)
{
    for (size_t i = 0; i < target->column_count; i++) {
        const struct store_column *from = &target->columns[i];
        const struct store_column *to = store_shape_column(source, from->name);

        if (store_column_is_watched(from, to))
            add(&m->lost, from);
        if (!store_column_is_copied(from, to))
            continue;
        if (!check_type_fits(from->type, to->type))
            add(&m->narrow, from);
        if (to->not_null && !from->not_null)
            add(&m->nullable, from);
    }
    for (size_t i = 0; i < source->column_count; i++) {
        const struct store_column *to = &source->columns[i];

        if (to->not_null && !to->has_default && !to->generated && !to->local_only &&
            !store_column_is_copied(store_shape_column(target, to->name), to))
            add(&m->required, to);
    }
}

static void judge(const struct misfits *m, const char *events, struct tmv_check *check)
{
    check_seen(check, TMV_VERDICT_OK, "every column of the target finds its place in the source");
    if (m->lost.len) {
        check_seen(check, TMV_VERDICT_REFUSE, "the source has no place for columns of the target: %s",
                   buf_text(&m->lost));
        check_todo(check,
                   "on the source, for each: ALTER TABLE %s ADD COLUMN …; or start without --hold, or give "
                   "them up with --leave-column",
                   events);
    } else if (m->narrow.len) {
        check_seen(check, TMV_VERDICT_REFUSE, "the source holds less than the target in: %s",
                   buf_text(&m->narrow));
        check_todo(check,
                   "on the source, for each: ALTER TABLE %s ALTER COLUMN … TYPE …; or start without --hold",
                   events);
    } else if (m->required.len) {
        check_seen(check, TMV_VERDICT_REFUSE,
                   "the source insists on values that carried events do not have: %s",
                   buf_text(&m->required));
        check_todo(check,
                   "on the source, for each: ALTER TABLE %s ALTER COLUMN … DROP NOT NULL; or SET DEFAULT; or "
                   "start without --hold",
                   events);
    } else if (m->nullable.len) {
        check_seen(check, TMV_VERDICT_WARN, "only the target takes NULL in: %s", buf_text(&m->nullable));
        check_todo(check,
                   "an event with NULL there stops the way back: on the target, for each, ALTER COLUMN … SET "
                   "NOT NULL, or on the source ALTER TABLE %s ALTER COLUMN … DROP NOT NULL",
                   events);
    }
}

static bool columns(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                    struct tmv_error *err)
{
    AUTO(misfits)
    struct misfits m = {BUF_INIT(LIST_MAX), BUF_INIT(LIST_MAX), BUF_INIT(LIST_MAX), BUF_INIT(LIST_MAX)};

    (void)err;
    find_misfits(&end->shape, &view->source.shape, &m);
    judge(&m, view->source.shape.events, check);
    return true;
}

static bool triggers(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                     struct tmv_error *err)
{
    const struct finding f = {sql_preflight_carried_triggers, PGX_ARGS(OID(end)), TMV_VERDICT_WARN,
                              "none fires for carried events"};

    (void)view;
    return check_finding(end, &f, check, err);
}

static const struct preflight_check checks[] = {
    {"way-back-table", ON_SOURCE, true, rights},
    {"way-back-sequence", ON_SOURCE, true, sequence},
    {"way-back-columns", ON_BOTH, true, columns},
    {"way-back-triggers", ON_SOURCE, true, triggers},
};
const struct preflight_group preflight_way_back = {"way-back", checks, ARRAY_LEN(checks)};

/* Shape: whether the two events tables are alike enough to hold the same events, and plain enough to be
 * guarded. */
#include "preflight/check.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "sql_embedded.h"

#define NAMES_MAX 200 /* of partitions that are named */
#define OID(end) PGX_INT((end)->shape.relation_oid)

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

/* What the daily making of partitions forgot on the target is cheaper to make now. */
static bool partitions(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                       struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *list = NULL;
    AUTO_RESULT struct pgx_result *missing = NULL;
    char names[NAMES_MAX], statements[sizeof check->todo];

    check_seen(check, TMV_VERDICT_OK, "the target has every partition of the source");
    if (!check_query(&view->source, sql_partitions_list, PGX_ARGS(OID(&view->source)), &list, err) ||
        !check_query(end, sql_partitions_missing, PGX_ARGS(OID(end), PGX_TEXT(pgx_text(list, 0, 0))),
                     &missing, err))
        return false;
    if (pgx_rows(missing) == 0)
        return true;
    pgx_fold(missing, 0, ", ", "", names, sizeof names);
    pgx_fold(missing, 1, " ", ": ask again when these are made", statements, sizeof statements);
    check_seen(check, TMV_VERDICT_WARN, "the target lacks %d of the source's partitions: %s",
               pgx_rows(missing), names);
    check_todo(check, "%s", statements);
    return true;
}

static bool check_constraints(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                              struct tmv_error *err)
{
    (void)end;
    return compare(view, sql_preflight_check_constraints, sql_preflight_check_constraints_extra,
                   "the target checks nothing that the source does not check", check, err);
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
    {"partitions", ON_BOTH, true, partitions},
    {"check-constraints", ON_BOTH, true, check_constraints},
    {"source-foreign-keys", ON_SOURCE, true, foreign_keys},
    {"target-foreign-keys", ON_TARGET, true, foreign_keys},
    {"source-replication", ON_SOURCE, true, replication},
    {"target-replication", ON_TARGET, true, replication},
};
const struct preflight_group preflight_shape = {"shape", checks, ARRAY_LEN(checks)};

/* Application: what the writers use beside the events table, and would look for on the target after the
 * switch. */
#include "preflight/check.h"

#include "lib/cleanup.h"
#include "sql_embedded.h"

#define OID(end) PGX_INT((end)->shape.relation_oid)
#define LIST_MAX 2000

/* Tables of eventsource-py. An application that does not use one has it only if somebody ran all of the
 * library's migrations. */
static const char *const tables[] = {"event_outbox", "snapshots", "projection_checkpoints",
                                     "dead_letter_queue"};

static bool application_tables(struct preflight_view *view, struct preflight_end *end,
                               struct tmv_check *check, struct tmv_error *err)
{
    const struct tmv_names *without = &view->options->settings.without_tables;
    AUTO(buf) struct buf names = BUF_INIT(LIST_MAX);
    AUTO(buf) struct buf accepted = BUF_INIT(LIST_MAX);
    AUTO_RESULT struct pgx_result *roles = NULL;
    AUTO_RESULT struct pgx_result *there = NULL;

    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        pgx_array_add(&names, tables[i]);
    buf_char(&names, '}');
    for (size_t i = 0; i < tmv_names_count(without); i++)
        pgx_array_add(&accepted, without->name[i]);
    buf_str(&accepted, accepted.len ? "}" : "{}");
    if (!check_query(&view->source, sql_preflight_writer_roles, PGX_ARGS(OID(&view->source)), &roles, err) ||
        !check_query(&view->source, sql_preflight_application_tables,
                     PGX_ARGS(PGX_TEXT(view->source.shape.schema), PGX_TEXT(buf_text(&names)),
                              PGX_TEXT(pgx_text(roles, 0, 0))),
                     &there, err))
        return false;
    const struct finding f = {sql_preflight_application_compared,
                              PGX_ARGS(PGX_TEXT(end->shape.schema), PGX_TEXT(pgx_text(there, 0, 0)),
                                       PGX_TEXT(buf_text(&accepted)), PGX_TEXT(view->source.shape.schema)),
                              TMV_VERDICT_REFUSE,
                              pgx_int(there, 0, 1)
                                  ? "the target has what the application uses beside the events"
                                  : "the source has no other tables of the application"};
    return check_finding(end, &f, check, err);
}

/* What is done without is said, so that it is not found out after the switch. */
static bool without_tables(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                           struct tmv_error *err)
{
    const struct tmv_names *without = &view->options->settings.without_tables;
    AUTO(buf) struct buf list = BUF_INIT(LIST_MAX);

    (void)end;
    (void)err;
    check_seen(check, TMV_VERDICT_OK, "the application does without none of its tables");
    for (size_t i = 0; i < tmv_names_count(without); i++)
        buf_printf(&list, "%s%s", i ? ", " : "", without->name[i]);
    if (!list.len)
        return true;
    check_seen(check, TMV_VERDICT_WARN, "not looked for on the target, as asked: %s", buf_text(&list));
    check_todo(check, "a write of the application that uses it fails after the switch");
    return true;
}

static const struct preflight_check checks[] = {
    {"application-tables", ON_BOTH, true, application_tables},
    {"without-tables", ON_NOTHING, false, without_tables},
};
const struct preflight_group preflight_application = {"application", checks, ARRAY_LEN(checks)};

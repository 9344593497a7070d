/* The dry run: the statements of each phase as they would be sent, with this tenant's and these tables' names
 * in them.
 *
 * They come from the same templates that the engine fills in, so they cannot say something else. What is
 * known only later stands as a name: $1 … are parameters, :low and :high the bounds of a chunk.
 */
#include "preflight/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "sql_embedded.h"
#include "store/guard/guard.h"

#define TEXT_MAX (512 * 1024)

enum where { ON_THE_SOURCE, ON_THE_TARGET };
struct step {
    const char *title; /* of a new phase; NULL: the same as before */
    enum where where;
    const char *template;
    const char *insert_level; /* of the guard's triggers */
};

static const struct step steps[] = {
    {"guard on the source: our schema, the fence row ($1 tenant, $2 open, $3 migration, $4 wait in ms, $5 "
     "epoch, $6 owner epoch), the "
     "triggers in a short lock",
     ON_THE_SOURCE, sql_store_schema, NULL},
    {NULL, ON_THE_SOURCE, sql_guard_functions, NULL},
    {NULL, ON_THE_SOURCE, sql_guard_fence_prepare, NULL},
    {NULL, ON_THE_SOURCE, sql_guard_triggers, "ROW"},
    {"guard on the target, closed to everybody but the engine ($2 closed): first per statement, after the "
     "bulk copy per "
     "row",
     ON_THE_TARGET, sql_store_schema, NULL},
    {NULL, ON_THE_TARGET, sql_guard_functions, NULL},
    {NULL, ON_THE_TARGET, sql_guard_fence_prepare, NULL},
    {NULL, ON_THE_TARGET, sql_guard_triggers, "STATEMENT"},
    {NULL, ON_THE_TARGET, sql_guard_triggers, "ROW"},
    {"copy and tail: the target's sequence beyond $1, then ranges of positions from the source",
     ON_THE_TARGET, sql_tail_sequence_beyond, NULL},
    {"($1 above, $2 up to this position, $3 tenant)", ON_THE_SOURCE, sql_tail_read, NULL},
    {"the same ranges into the target, each with its watermark (function tenantmv.advance)", ON_THE_TARGET,
     sql_tail_copy_in, NULL},
    {"cutover: the fence from open to moved and the target's from armed to open ($1 tenant, $2 migration, $3 "
     "owner epoch, "
     "$4 and $5 before, $6 and $7 after)",
     ON_THE_SOURCE, sql_guard_fence_change, NULL},
    {"some seconds after: the tenant's own triggers go, and on the source those that all moved tenants share "
     "are used instead",
     ON_THE_SOURCE, sql_guard_retire, NULL},
    {NULL, ON_THE_TARGET, sql_guard_retire, NULL},
};

static bool add_steps(const struct preflight_view *view, struct guard guards[2], struct buf *text,
                      struct tmv_error *err)
{
    const struct preflight_end *ends[] = {&view->source, &view->target};
    AUTO(buf) struct buf columns = BUF_INIT(8192);
    AUTO(buf) struct buf filled = BUF_INIT(8192);

    store_copied_columns(&view->source.shape, &view->target.shape, NULL, &columns);
    store_filled_columns(&view->source.shape, &view->target.shape, &filled);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        const struct step *s = &steps[i];
        const struct store_shape *shape = &ends[s->where]->shape;
        AUTO(buf) struct buf events = BUF_INIT(400);
        char key[24];

        snprintf(key, sizeof key, "%" PRId64, guards[s->where].lock_key);
        pgx_literal(&events, shape->events);
        const struct pgx_var vars[] = {
            {"events_literal", buf_text(&events)},
            {"tenant_id", view->tenant},
            {"key", key},
            {"mark", guards[s->where].mark},
            {"insert_level", s->insert_level ? s->insert_level : ""},
            {"migration", "$1"},
            {"state", s->where == ON_THE_SOURCE ? "'moved'" : "'open'"},
            {"columns", buf_text(s->where == ON_THE_TARGET ? &filled : &columns)},
            {"low", ":low"},
            {"high", ":high"},
        };
        if (s->title)
            buf_printf(text, "%s-- %s\n", text->len ? "\n" : "", s->title);
        buf_printf(text, "-- on the %s (%s)\n", ends[s->where]->word, ends[s->where]->store.id);
        if (!store_sql(text, s->template, shape, vars, ARRAY_LEN(vars), err))
            return false;
        buf_str(text, ";\n");
    }
    return true;
}

bool preflight_statements(const struct preflight_view *view, char **ret_text, struct tmv_error *err)
{
    AUTO(buf) struct buf text = BUF_INIT(TEXT_MAX);
    struct guard guards[2] = {
        {.shape = &view->source.shape, .tenant = view->options->tenant},
        {.shape = &view->target.shape, .tenant = view->options->tenant},
    };

    if (!guard_identify(view->source.conn, &guards[0], err) ||
        !guard_identify(view->target.conn, &guards[1], err) || !add_steps(view, guards, &text, err) ||
        !buf_ok(&text, err))
        return err_wrap(err, "writing down the statements");
    *ret_text = TAKE(text.data);
    return true;
}

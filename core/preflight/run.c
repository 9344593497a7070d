/* Runs the checks, one after the other, and turns what keeps a check from looking into a verdict.
 *
 * The order of the groups is that of the tables: places first, because nothing else can be looked at without
 * them.
 */
#include "preflight/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/text.h"
#include "control/repositories.h"
#include "sql_embedded.h"

#define CHECKS_MAX 160
#define SKIPPED_MAX 2000

static const struct preflight_group *const groups[] = {
    &preflight_places, &preflight_rights,      &preflight_shape, &preflight_columns, &preflight_unique,
    &preflight_data,   &preflight_application, &preflight_trial, &preflight_load};

const char *tmv_verdict_name(enum tmv_verdict verdict)
{
    switch (verdict) {
    case TMV_VERDICT_OK:
        return "ok";
    case TMV_VERDICT_WARN:
        return "warn";
    case TMV_VERDICT_REFUSE:
        return "refuse";
    }
    return "?";
}

void tmv_preflight_free(struct tmv_preflight *preflight)
{
    if (!preflight)
        return;
    free(preflight->checks);
    free(preflight->statements);
    free(preflight);
}

static void preflight_auto(struct tmv_preflight **preflight)
{
    tmv_preflight_free(*preflight);
}

static bool read_facts(struct preflight_end *end, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;
    struct preflight_facts *f = &end->facts;

    if (!pgx_query(end->conn, PREFLIGHT_WAIT_US, sql_preflight_facts, PGX_NONE, &row, err) ||
        !pgx_query(end->conn, PREFLIGHT_WAIT_US, sql_preflight_session, PGX_NONE, NULL, err))
        return err_wrap(err, "looking at %s", pgx_place(end->conn));
    f->standby = pgx_bool(row, 0, 0);
    f->read_only = pgx_bool(row, 0, 1);
    text_copy(f->encoding, sizeof f->encoding, pgx_text(row, 0, 2));
    text_copy(f->identity, sizeof f->identity, pgx_text(row, 0, 3));
    text_copy(f->version, sizeof f->version, pgx_text(row, 0, 4));
    f->fsync = pgx_bool(row, 0, 5);
    text_copy(f->synchronous_names, sizeof f->synchronous_names, pgx_text(row, 0, 6));
    text_copy(f->synchronous_commit, sizeof f->synchronous_commit, pgx_text(row, 0, 7));
    f->replicas = pgx_int(row, 0, 8);
    f->superuser = pgx_bool(row, 0, 9);
    return true;
}

/* A store that cannot be opened or has no events table is something to report, not the end of the preflight.
 */
static void open_end(struct preflight_end *end)
{
    const struct pgx_options options = {
        .part = "preflight",
        .connect_timeout_us = 4 * US_PER_S,
        .statement_timeout_us = PREFLIGHT_STATEMENT_US,
    };

    if (!store_connect(&end->store, &options, &end->conn, &end->why_not))
        return;
    if (!read_facts(end, &end->why_not)) {
        pgx_close(TAKE(end->conn));
        return;
    }
    end->has_shape = store_shape_discover(end->conn, end->store.events_schema, end->store.events_table,
                                          &end->shape, &end->why_no_shape);
}

static bool find_route(struct preflight_view *view, struct tmv_error *err)
{
    AUTO_FREE struct tmv_route_info *routes = NULL;
    size_t count = 0;

    if (!tmv_routing_list(view->control, &view->options->tenant, &routes, &count, err))
        return false;
    view->has_route = count > 0;
    if (view->has_route)
        view->route = routes[0];
    return true;
}

static bool find_stores(struct preflight_view *view, struct tmv_error *err)
{
    const struct tmv_start_options *o = view->options;

    if (!find_route(view, err))
        return false;
    if (!o->source && !view->has_route) {
        err_set(err, TMV_ERR_NOT_FOUND, "the tenant %s has no routing row", view->tenant);
        return err_hint(err, "check the tenant's id; if it is right: tenantmv routing %s --register STORE",
                        view->tenant);
    }
    if (!o->target)
        return err_set(err, TMV_ERR_USAGE, "no target store is named");
    return tmv_store_get(view->control, o->source ? o->source : view->route.store_id, &view->source.store,
                         err) &&
           tmv_store_get(view->control, o->target, &view->target.store, err);
}

static bool has(const struct preflight_end *end, bool shape)
{
    return pgx_is_usable(end->conn) && (!shape || end->has_shape);
}

static bool can_look(const struct preflight_view *view, const struct preflight_check *check)
{
    switch (check->on) {
    case ON_NOTHING:
        return true;
    case ON_SOURCE:
        return has(&view->source, check->shape);
    case ON_TARGET:
        return has(&view->target, check->shape);
    case ON_BOTH:
        return has(&view->source, check->shape) && has(&view->target, check->shape);
    }
    return false;
}

static void could_not_look(struct tmv_check *check, const struct tmv_error *err)
{
    if (err_is_sqlstate(err, "57014") || err->code == TMV_ERR_TIMEOUT) {
        check_seen(check, TMV_VERDICT_WARN,
                   "gave up after %d s: the table is too large or too busy for this question",
                   (int)(PREFLIGHT_STATEMENT_US / US_PER_S));
        check_todo(check, "ask again at a quieter time, or make sure by yourself");
        return;
    }
    check_seen(check, TMV_VERDICT_REFUSE, "could not look: %s", err->message);
    check->passing = check_is_passing(err);
    if (err_is_sqlstate(err, "42501"))
        check_todo(check, "the role lacks a privilege: the checks of the group rights print the GRANT");
    else
        check_todo(check, "%s", *err->hint ? err->hint : "fix this and ask again");
}

static struct tmv_check *next_row(struct tmv_preflight *p, const char *group, const char *name)
{
    struct tmv_check *row = &p->checks[p->count++];

    text_copy(row->group, sizeof row->group, group);
    text_copy(row->name, sizeof row->name, name);
    return row;
}

static void run_group(struct preflight_view *view, const struct preflight_group *group, int64_t deadline_us,
                      struct tmv_preflight *p)
{
    AUTO(buf) struct buf skipped = BUF_INIT(SKIPPED_MAX);
    bool late = false;

    for (size_t i = 0; i < group->count && p->count < CHECKS_MAX - 1; i++) {
        const struct preflight_check *check = &group->checks[i];
        struct tmv_error err;

        late = clock_now_us() > deadline_us;
        if (late || !can_look(view, check)) {
            buf_printf(&skipped, "%s%s", skipped.len ? ", " : "", check->name);
            continue;
        }
        struct tmv_check *row = next_row(p, group->name, check->name);
        if (!check->look(view, check->on == ON_SOURCE ? &view->source : &view->target, row, &err))
            could_not_look(row, &err);
    }
    if (skipped.len == 0)
        return;
    struct tmv_check *row = next_row(p, group->name, "not-looked-at");
    check_seen(row, TMV_VERDICT_WARN, "%s", buf_text(&skipped));
    check_todo(row, "%s",
               late ? "time ran out: ask again at a quieter time"
                    : "these need what is refused elsewhere (a connection, the events table): fix that and "
                      "ask again");
}

static bool run(struct preflight_view *view, bool with_statements, struct tmv_preflight *p,
                struct tmv_error *err)
{
    int64_t deadline_us = clock_now_us() + PREFLIGHT_TOTAL_US;

    open_end(&view->source);
    open_end(&view->target);
    store_shape_leave(&view->source.shape, &view->options->settings.leave_columns);
    store_shape_leave(&view->target.shape, &view->options->settings.leave_columns);
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        run_group(view, groups[i], deadline_us, p);
    if (view->options->settings.hold_s > 0)
        run_group(view, &preflight_way_back, deadline_us, p);
    for (size_t i = 0; i < p->count; i++) {
        p->refusals += p->checks[i].verdict == TMV_VERDICT_REFUSE;
        p->warnings += p->checks[i].verdict == TMV_VERDICT_WARN;
    }
    if (!with_statements || !has(&view->source, true) || !has(&view->target, true))
        return true;
    return preflight_statements(view, &p->statements, err);
}

bool tmv_preflight_run(struct tmv_control *control, const struct tmv_start_options *options,
                       bool with_statements, struct tmv_preflight **ret_preflight, struct tmv_error *err)
{
    __attribute__((cleanup(preflight_auto))) struct tmv_preflight *p = calloc(1, sizeof *p);
    AUTO_FREE struct preflight_view *view = calloc(1, sizeof *view);
    bool ok;

    if (p)
        p->checks = calloc(CHECKS_MAX, sizeof *p->checks);
    if (!p || !p->checks || !view)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    view->control = control;
    view->options = options;
    view->source.word = "source";
    view->target.word = "target";
    view->tenant_events = -1;
    tmv_uuid_format(&options->tenant, view->tenant);
    ok = find_stores(view, err) && run(view, with_statements, p, err);
    pgx_close(view->source.conn);
    pgx_close(view->target.conn);
    if (ok)
        *ret_preflight = TAKE(p);
    return ok;
}

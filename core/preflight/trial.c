/* Trial: a few events of the tenant are written to the target in a transaction that is rolled back, as the
 * engine and as each writer that the engine may act as. It finds what no look at the catalogue does: CHECKs,
 * domains, triggers and index expressions that do not work there, partitions that are missing, rights.
 *
 * It locks the events table as an insert does, for the moment of the trial, and leaves nothing behind but a
 * few values of sequences that defaults took. */
#include "preflight/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "control/repositories.h"
#include "pg/copy.h"
#include "sql_embedded.h"

#define OID(end) PGX_INT((end)->shape.relation_oid)
#define SQL_MAX (64 * 1024)
#define COLUMNS_MAX (16 * 1024)
#define LIST_MAX 2000
#define WRITERS_TRIED 5 /* more are only named */

/* What is tried: which events, what is read of them, and the target's columns that take it (quoted). */
struct trial {
    struct preflight_view *view;
    struct preflight_end *target;
    struct pgx_result *positions; /* owned */
    struct buf columns, filled;
};

static void trial_auto(struct trial *t)
{
    pgx_rollback(t->target->conn, PREFLIGHT_WAIT_US);
    pgx_result_free(t->positions);
    buf_release(&t->columns);
    buf_release(&t->filled);
}

/* A statement of the trial, filled in for a side. `own`: at most two variables, ended by one without a name;
 * may be NULL. */
static bool trial_sql(const struct trial *t, const struct preflight_end *end, const char *template,
                      const struct pgx_var *own, struct buf *ret_sql, struct tmv_error *err)
{
    struct pgx_var vars[5] = {{"columns", buf_text(end == t->target ? &t->filled : &t->columns)},
                              {"tenant_id", t->view->tenant},
                              {"write_path", pgx_write_path(end->conn)}};
    size_t count = 3;

    for (; own && own->name && count < ARRAY_LEN(vars); own++)
        vars[count++] = *own;
    return store_sql(ret_sql, template, &end->shape, vars, count, err);
}

static bool run(const struct trial *t, const char *template, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(SQL_MAX);

    return trial_sql(t, t->target, template, NULL, &sql, err) &&
           pgx_script(t->target->conn, PREFLIGHT_WAIT_US, buf_text(&sql), 0, NULL, err);
}

/* ---- which events ---- */

/* Bytes of an event's copied columns as they are stored. */
static void size_of_row(const struct preflight_view *view, struct buf *ret_sum)
{
    const struct store_shape *source = &view->source.shape;

    buf_str(ret_sum, "0");
    for (size_t i = 0; i < source->column_count; i++) {
        const struct store_column *from = &source->columns[i];

        if (!store_column_is_copied(from, store_shape_column(&view->target.shape, from->name)))
            continue;
        buf_str(ret_sum, " + coalesce(pg_column_size(e.");
        pgx_ident(ret_sum, from->name);
        buf_str(ret_sum, "), 0)");
    }
}

static bool choose_events(struct trial *t, struct tmv_error *err)
{
    struct preflight_end *source = &t->view->source;
    AUTO(buf) struct buf size = BUF_INIT(COLUMNS_MAX);
    AUTO(buf) struct buf sql = BUF_INIT(SQL_MAX);

    size_of_row(t->view, &size);
    store_copied_columns(&source->shape, &t->target->shape, NULL, &t->columns);
    store_filled_columns(&source->shape, &t->target->shape, &t->filled);
    if (!buf_ok(&size, err) || !buf_ok(&t->columns, err) || !buf_ok(&t->filled, err))
        return false;
    const struct pgx_var own[] = {{"size", buf_text(&size)}, {0}};
    return trial_sql(t, source, sql_preflight_trial_positions, own, &sql, err) &&
           pgx_query(source->conn, PREFLIGHT_WAIT_US, buf_text(&sql), PGX_ARGS(PGX_TEXT(t->view->tenant)),
                     &t->positions, err);
}

/* ---- to the target ---- */

/* Both sessions are used again, whichever of them refused. */
static void end_streams(const struct trial *t)
{
    struct pgx_conn *source = t->view->source.conn;
    struct pgx_conn *target = t->target->conn;
    struct tmv_error ignored;
    const char *data;
    size_t len = 1;

    while (len > 0 && pgx_in_copy_out(source) &&
           pgx_copy_read(source, PREFLIGHT_WAIT_US, &data, &len, &ignored))
        continue;
    if (pgx_is_usable(target) && !pgx_in_transaction(target)) /* in the middle of the COPY */
        pgx_copy_abandon(target, PREFLIGHT_WAIT_US);
}

static bool carry(const struct trial *t, struct tmv_error *err)
{
    struct preflight_end *source = &t->view->source;
    AUTO(buf) struct buf positions = BUF_INIT(COLUMNS_MAX);
    AUTO(buf) struct buf from = BUF_INIT(SQL_MAX);
    AUTO(buf) struct buf into = BUF_INIT(SQL_MAX);
    struct pgx_copy_stats stats;

    for (int row = 0; row < pgx_rows(t->positions); row++)
        buf_printf(&positions, "%s%s", row ? "," : "{", pgx_text(t->positions, row, 0));
    buf_char(&positions, '}');
    const struct pgx_var own[] = {{"positions", buf_text(&positions)}, {0}};
    if (!trial_sql(t, source, sql_verify_copy_out, own, &from, err) ||
        !trial_sql(t, t->target, sql_tail_stage_in, NULL, &into, err) ||
        !pgx_copy_out(source->conn, PREFLIGHT_WAIT_US, buf_text(&from), err))
        return false;
    bool ok = pgx_copy_in(t->target->conn, PREFLIGHT_WAIT_US, buf_text(&into), err) &&
              pgx_copy_pump(source->conn, t->target->conn, PREFLIGHT_WAIT_US, &stats, err);
    if (!ok)
        end_streams(t);
    return ok;
}

/* What is to be done depends on what kind of thing the target complained about. */
static const char *advice(const struct tmv_error *err)
{
    static const struct {
        const char *class_or_state, *advice;
    } table[] = {
        {"42501", "grant what is missing; the checks of the group rights print the GRANTs of the tables"},
        {"428",
         "code of the table (a CHECK, domain, trigger, default or index expression) does not find a name: "
         "write the schema in front of it, or give the engine's role the application's path: ALTER ROLE "
         "… IN DATABASE … SET search_path = …; schemas in which every role may create are not searched "
         "(REVOKE CREATE ON SCHEMA … FROM PUBLIC)"},
        {"42",
         "code of the table (a CHECK, domain, trigger, default or index expression) needs something that the "
         "target does not have, or does not find it: create it, write the schema in front of it, or ALTER "
         "ROLE … IN DATABASE … SET search_path = …; schemas in which every role may create are not searched"},
        {"23514", "create the missing partition, or change the CHECK so that the tenant's events keep it"},
        {"23",
         "change the constraint on the target, or the target's own columns, so that the event can be stored"},
        {"53100", "make room on the target's disk"},
        {"22", "make the column's type on the target one that holds every value of the source"},
    };

    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (strncmp(err->sqlstate, table[i].class_or_state, strlen(table[i].class_or_state)) == 0)
            return table[i].advice;
    return "make the target take this event, then check again";
}

/* The target's guard of an earlier move answers for itself, and its fence has a check of its own. */
static bool is_guard(const struct tmv_error *err)
{
    return strncmp(err->sqlstate, "TM", 2) == 0;
}

/* What the server said is a finding; what kept us from asking is an error, which is the caller's. */
static bool is_finding(const struct trial *t, const struct tmv_error *err)
{
    return pgx_is_usable(t->target->conn) && err->sqlstate[0] && !err_is_sqlstate(err, "57014");
}

static bool refuse(const struct trial *t, struct tmv_check *check, const char *what, struct tmv_error *err)
{
    if (!is_finding(t, err))
        return false;
    if (is_guard(err)) {
        check_seen(check, TMV_VERDICT_OK, "not tried: the target's guard of an earlier move is closed");
        return true;
    }
    check_seen(check, TMV_VERDICT_REFUSE, "%s: %s (%s)", what, err->message, err->sqlstate);
    check_todo(check, "%s", advice(err));
    check->passing = check_is_passing(err);
    return true;
}

/* Begins, and puts the events into a table of our own on the target. *ret_ready false: the check has its
 * verdict. */
static bool prepare(struct trial *t, struct tmv_check *check, bool *ret_ready, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *under_way = NULL;

    *ret_ready = false;
    if (!pgx_query(t->view->control->conn, PREFLIGHT_WAIT_US, sql_preflight_trial_under_way,
                   PGX_ARGS(PGX_TEXT(t->view->tenant)), &under_way, err))
        return false;
    if (pgx_bool(under_way, 0, 0)) {
        check_seen(check, TMV_VERDICT_OK, "not tried: a migration of the tenant is under way");
        return true;
    }
    if (!choose_events(t, err))
        return false;
    if (pgx_rows(t->positions) == 0) {
        check_seen(check, TMV_VERDICT_OK, "the tenant has no event to try");
        return true;
    }
    *ret_ready = run(t, sql_preflight_trial_begin, err) && carry(t, err);
    return *ret_ready || refuse(t, check, "the tenant's events do not fit the target's columns", err);
}

/* ---- as the engine ---- */

static bool try_engine(const struct trial *t, struct tmv_check *check, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(SQL_MAX);
    char what[120];

    if (!trial_sql(t, t->target, sql_preflight_trial_insert, NULL, &sql, err))
        return false;
    for (int row = 0; row < pgx_rows(t->positions); row++) {
        const char *position = pgx_text(t->positions, row, 0);

        snprintf(what, sizeof what, "the target does not take the event at position %s", position);
        if (!pgx_query(t->target->conn, PREFLIGHT_WAIT_US, buf_text(&sql), PGX_ARGS(PGX_TEXT(position)), NULL,
                       err))
            return refuse(t, check, what, err);
    }
    if (!run(t, sql_preflight_trial_deferred, err))
        return refuse(t, check, "the target does not take the events at the end of a transaction", err);
    check_seen(check, TMV_VERDICT_OK, "%d events were written to the target and taken back",
               pgx_rows(t->positions));
    return true;
}

static bool engine(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                   struct tmv_error *err)
{
    AUTO(trial)
    struct trial t = {
        .view = view, .target = end, .columns = BUF_INIT(COLUMNS_MAX), .filled = BUF_INIT(COLUMNS_MAX)};
    bool ready = false;

    if (!prepare(&t, check, &ready, err))
        return false;
    return !ready || try_engine(&t, check, err);
}

/* ---- as the writers ---- */

struct writers {
    struct pgx_result *roles; /* owned */
    struct buf tried, not_tried;
};

static void writers_auto(struct writers *w)
{
    pgx_result_free(w->roles);
    buf_release(&w->tried);
    buf_release(&w->not_tried);
}

static void add_name(struct buf *list, const char *name)
{
    buf_printf(list, "%s%s", list->len ? ", " : "", name);
}

static bool find_writers(const struct trial *t, struct writers *w, struct tmv_error *err)
{
    const struct store_shape *source = &t->view->source.shape;
    AUTO(buf) struct buf names = BUF_INIT(COLUMNS_MAX);
    AUTO_RESULT struct pgx_result *roles = NULL;

    for (size_t i = 0; i < source->column_count; i++)
        if (store_column_is_copied(&source->columns[i],
                                   store_shape_column(&t->target->shape, source->columns[i].name)))
            pgx_array_add(&names, source->columns[i].name);
    buf_char(&names, '}');
    return buf_ok(&names, err) &&
           check_query(&t->view->source, sql_preflight_writer_roles, PGX_ARGS(OID(&t->view->source)), &roles,
                       err) &&
           check_query(t->target, sql_preflight_trial_roles,
                       PGX_ARGS(OID(t->target), PGX_TEXT(pgx_text(roles, 0, 0)), PGX_TEXT(buf_text(&names))),
                       &w->roles, err);
}

/* A policy may ask for something that only the application's sessions have, so its refusal is a warning. */
static bool try_writer(const struct trial *t, struct writers *w, int row, struct tmv_check *check,
                       struct tmv_error *err)
{
    const char *name = pgx_text(w->roles, row, 0);
    AUTO(buf) struct buf role = BUF_INIT(200);
    AUTO(buf) struct buf sql = BUF_INIT(SQL_MAX);
    char what[160];

    if (!pgx_bool(w->roles, row, 1) || row >= WRITERS_TRIED) {
        add_name(&w->not_tried, name);
        return true;
    }
    pgx_ident(&role, name);
    const struct pgx_var own[] = {{"writer", buf_text(&role)}, {"columns", pgx_text(w->roles, row, 3)}};
    if (!store_sql(&sql, sql_preflight_trial_writer, &t->target->shape, own, ARRAY_LEN(own), err))
        return false;
    bool ok = pgx_script(t->target->conn, PREFLIGHT_WAIT_US, buf_text(&sql), 0, NULL, err);
    snprintf(what, sizeof what, "the target does not take the tenant's events from %s", name);
    if (!ok && !refuse(t, check, what, err))
        return false;
    if (check->verdict == TMV_VERDICT_REFUSE && pgx_bool(w->roles, row, 2) && err_is_sqlstate(err, "42501"))
        check->verdict = TMV_VERDICT_WARN;
    if (ok)
        add_name(&w->tried, name);
    return run(t, sql_preflight_trial_back, err);
}

static bool writers(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                    struct tmv_error *err)
{
    AUTO(trial)
    struct trial t = {
        .view = view, .target = end, .columns = BUF_INIT(COLUMNS_MAX), .filled = BUF_INIT(COLUMNS_MAX)};
    AUTO(writers) struct writers w = {.tried = BUF_INIT(LIST_MAX), .not_tried = BUF_INIT(LIST_MAX)};
    bool ready = false;

    if (!prepare(&t, check, &ready, err))
        return false;
    if (!ready)
        return true;
    if (!find_writers(&t, &w, err))
        return false;
    for (int row = 0; row < pgx_rows(w.roles) && check->verdict == TMV_VERDICT_OK && !check->seen[0]; row++)
        if (!try_writer(&t, &w, row, check, err))
            return false;
    if (check->seen[0])
        return true;
    check_seen(check, TMV_VERDICT_OK, "%s%s%s%s%s",
               w.tried.len ? "the target takes the tenant's events from " : "", buf_text(&w.tried),
               w.tried.len && w.not_tried.len ? "; " : "",
               w.not_tried.len ? "not tried, because the engine's role is no member of them: "
               : w.tried.len   ? ""
                               : "no other role writes",
               buf_text(&w.not_tried));
    return true;
}

static const struct preflight_check checks[] = {
    {"trial-engine", ON_BOTH, true, engine},
    {"trial-writers", ON_BOTH, true, writers},
};
const struct preflight_group preflight_trial = {"trial", checks, ARRAY_LEN(checks)};

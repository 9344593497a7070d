/* Places: where the two stores and the control database are, and whether they are the right ones. */
#include "preflight/check.h"

#include <inttypes.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "control/repositories.h"
#include "sql_embedded.h"

/* Connections that a migration keeps beside its copy workers: tail, verification, cutover's lock session,
 * probes. */
#define CONNECTIONS_BESIDE_COPY 6
#define LACKS_PREFIX_MAX 100 /* "ROLE lacks in the control database " */
#define COMMIT_SLOW_US (20 * US_PER_MS)

static bool reachable(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                      struct tmv_error *err)
{
    (void)view;
    (void)err;
    if (end->conn) {
        check_seen(check, TMV_VERDICT_OK, "%s", pgx_place(end->conn));
        return true;
    }
    check_seen(check, TMV_VERDICT_REFUSE, "%s", end->why_not.message);
    check->passing = check_is_passing(&end->why_not);
    check_todo(check, "%s", *end->why_not.hint ? end->why_not.hint : "make the server reachable from here");
    return true;
}

static bool source_reachable(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                             struct tmv_error *err)
{
    (void)end;
    return reachable(view, &view->source, check, err);
}

static bool target_reachable(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                             struct tmv_error *err)
{
    (void)end;
    return reachable(view, &view->target, check, err);
}

/* Opening a connection refuses what is too old and what stands in between; this says what was found instead.
 */
static bool server(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                   struct tmv_error *err)
{
    (void)view;
    (void)err;
    check_seen(check, TMV_VERDICT_OK, "PostgreSQL %s, no pooler in between", end->facts.version);
    return true;
}

static bool primary(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                    struct tmv_error *err)
{
    (void)view;
    (void)err;
    check_seen(check, TMV_VERDICT_OK, "a primary");
    if (!end->facts.standby)
        return true;
    check_seen(check, TMV_VERDICT_REFUSE, "%s is a standby in recovery", pgx_place(end->conn));
    check_todo(
        check,
        "point the store %s at the primary (target_session_attrs=read-write finds it), or promote this "
        "one: SELECT pg_promote();",
        end->store.id);
    return true;
}

static bool writable(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                     struct tmv_error *err)
{
    (void)view;
    (void)err;
    check_seen(check, TMV_VERDICT_OK, "takes writes");
    if (!end->facts.read_only)
        return true;
    check_seen(check, TMV_VERDICT_REFUSE, "transactions of %s are read only", pgx_place(end->conn));
    check_todo(check, "set default_transaction_read_only to off for the role, the database or the server");
    return true;
}

static bool encodings(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                      struct tmv_error *err)
{
    const char *from = view->source.facts.encoding;
    const char *to = end->facts.encoding;

    (void)err;
    check_seen(check, TMV_VERDICT_OK, "both %s", to);
    if (strcmp(from, "SQL_ASCII") == 0 || strcmp(to, "SQL_ASCII") == 0) {
        check_seen(check, TMV_VERDICT_REFUSE, "the %s is SQL_ASCII: its text is bytes in no known encoding",
                   strcmp(from, "SQL_ASCII") == 0 ? "source" : "target");
        check_todo(
            check,
            "bytes that are not UTF-8 cannot be sent, compared or shown. Move the events into a database "
            "with an encoding first: CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'; then pg_dump "
            "--encoding with what the bytes really are, and restore");
    } else if (strcmp(from, to) != 0) {
        check_seen(check, TMV_VERDICT_REFUSE, "the source is encoded in %s, the target in %s", from, to);
        check_todo(check,
                   "create the target database again: CREATE DATABASE … TEMPLATE template0 ENCODING '%s';",
                   from);
    }
    return true;
}

static bool differ(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                   struct tmv_error *err)
{
    (void)err;
    check_seen(check, TMV_VERDICT_OK, "two databases");
    if (strcmp(view->source.facts.identity, end->facts.identity) != 0)
        return true;
    check_seen(check, TMV_VERDICT_REFUSE, "the stores %s and %s are the same database (%s)",
               view->source.store.id, end->store.id, pgx_place(end->conn));
    check_todo(check, "name a target in another database; a tenant cannot move within one");
    return true;
}

static bool routing(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                    struct tmv_error *err)
{
    const char *source = view->source.store.id;

    (void)end;
    (void)err;
    if (!view->has_route) {
        check_seen(check, TMV_VERDICT_REFUSE, "the tenant %s has no routing row", view->tenant);
        check_todo(check, "check the tenant's id; if it is right: tenantmv routing %s --register %s",
                   view->tenant, source);
    } else if (strcmp(view->route.store_id, source) != 0) {
        check_seen(check, TMV_VERDICT_REFUSE, "the tenant lives on %s, not on %s", view->route.store_id,
                   source);
        check_todo(check, "start from %s; a tenant is never copied from a store that it has left",
                   view->route.store_id);
    } else {
        check_seen(check, TMV_VERDICT_OK, "the tenant lives on %s (%s)", source,
                   tmv_routing_state_name(view->route.state));
    }
    return true;
}

/* The fence outranks the routing table: it is what writers really meet. */
static bool fence(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                  struct tmv_error *err)
{
    struct preflight_fence f;
    bool source = end == &view->source;

    check_seen(check, TMV_VERDICT_OK, "nothing prevents it");
    if (!check_fence(view, end, &f, err))
        return false;
    if (!f.state[0])
        return true;
    bool open = strcmp(f.state, "open") == 0;
    bool armed = strcmp(f.state, "armed") == 0;
    bool away = strcmp(f.state, "moved") == 0;

    if (source ? open || strcmp(f.state, "off") == 0 : !open && !armed) {
        check_seen(check, TMV_VERDICT_OK, "the tenant's fence is %s", f.state);
    } else if (source && away) {
        check_seen(check, TMV_VERDICT_REFUSE, "the tenant has moved from here to %s", f.store);
        check_todo(check, "start from %s, and correct tenant_routing if it says otherwise", f.store);
    } else {
        check_seen(check, TMV_VERDICT_REFUSE, "the tenant's fence on the %s is %s", end->word, f.state);
        check_todo(check,
                   source ? "an earlier migration is not resolved: let an engine finish or abort it"
                          : "the tenant is, or is about to be, at home there: look at its earlier migrations "
                            "(tenantmv audit)");
    }
    return true;
}

static bool active_migration(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                             struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *rows = NULL;

    (void)end;
    if (!pgx_query(view->control->conn, PREFLIGHT_WAIT_US, sql_preflight_active_migrations,
                   PGX_ARGS(PGX_TEXT(view->tenant), PGX_TEXT(view->source.store.id),
                            PGX_TEXT(view->target.store.id)),
                   &rows, err))
        return false;
    check_seen(check, TMV_VERDICT_OK, "the tenant has no other migration");
    for (int i = 0; i < pgx_rows(rows); i++) {
        if (strcmp(pgx_text(rows, i, 1), view->tenant) != 0)
            continue;
        const char *phase = pgx_text(rows, i, 4);
        bool same = strcmp(pgx_text(rows, i, 2), view->source.store.id) == 0 &&
                    strcmp(pgx_text(rows, i, 3), view->target.store.id) == 0;
        if (same && strcmp(phase, "pending") == 0 && !pgx_bool(rows, i, 5)) {
            check_seen(check, TMV_VERDICT_OK, "migration %s is pending and is this one",
                       pgx_text(rows, i, 0));
            return true;
        }
        check_seen(check, TMV_VERDICT_REFUSE, "migration %s of the tenant to %s is active (%s)",
                   pgx_text(rows, i, 0), pgx_text(rows, i, 3), phase);
        if (pgx_bool(rows, i, 5))
            check_todo(
                check,
                "another program runs it (%s): let that program end it; when it is gone: tenantmv abort "
                "%s --foreign",
                *pgx_text(rows, i, 6) ? pgx_text(rows, i, 6) : "unnamed", view->tenant);
        else
            check_todo(check, "let it finish, or abort it: tenantmv abort %s", view->tenant);
        return true;
    }
    return true;
}

/* Each moving tenant has triggers of its own; more than twenty are felt by everybody's inserts. */
static bool guards(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                   struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *rows = NULL;
    int moving = 0;

    if (!pgx_query(view->control->conn, PREFLIGHT_WAIT_US, sql_preflight_active_migrations,
                   PGX_ARGS(PGX_TEXT(view->tenant), PGX_TEXT(view->source.store.id),
                            PGX_TEXT(view->target.store.id)),
                   &rows, err))
        return false;
    for (int i = 0; i < pgx_rows(rows); i++)
        moving += strcmp(pgx_text(rows, i, 1), view->tenant) != 0 &&
                  strcmp(pgx_text(rows, i, 4), "pending") != 0 &&
                  (strcmp(pgx_text(rows, i, 2), end->store.id) == 0 ||
                   strcmp(pgx_text(rows, i, 3), end->store.id) == 0);
    check_seen(check, TMV_VERDICT_OK, "%d other tenants move from or to %s now", moving, end->store.id);
    if (moving < 20)
        return true;
    check->verdict = TMV_VERDICT_WARN;
    check_todo(
        check,
        "at most 20 tenants move from or to a store at a time: this one waits in the queue and begins by "
        "itself when one has finished");
    return true;
}

/* Who shares a role shares its rights and its password. */
static bool role(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                 struct tmv_error *err)
{
    char user[64];

    (void)view;
    (void)err;
    if (!pgx_conninfo_user(end->store.conninfo, user))
        check_seen(check, TMV_VERDICT_OK,
                   "the registered string names no user: the engine connects as %s, "
                   "applications and watchers as themselves",
                   pgx_user(end->conn));
    else if (user[0])
        check_seen(check, TMV_VERDICT_OK,
                   "the registered string names the user %s: engines, applications and "
                   "watchers all connect as %s, unless they set a role of their own",
                   user, user);
    else
        check_seen(check, TMV_VERDICT_OK, "a service names the user: the engine connects as %s",
                   pgx_user(end->conn));
    return true;
}

static bool control_is_here(const struct preflight_view *view, bool *ret_here, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!pgx_query(view->control->conn, PREFLIGHT_WAIT_US, sql_preflight_facts, PGX_NONE, &row, err))
        return false;
    *ret_here = strcmp(pgx_text(row, 0, 3), view->source.facts.identity) == 0;
    return true;
}

static bool control_place(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                          struct tmv_error *err)
{
    bool here;

    (void)end;
    if (!control_is_here(view, &here, err))
        return false;
    if (here) {
        check_seen(check, TMV_VERDICT_OK,
                   "control is the source's database: routing switches with the decision");
        return true;
    }
    check_seen(check, TMV_VERDICT_WARN, "the control database (%s) is not the source's",
               pgx_place(view->control->conn));
    check_todo(
        check,
        "routing follows the decision a moment later: processes that do not use the router may see TM001 "
        "until then; zero failed writes is promised to them only with control in the source's database");
    return true;
}

static bool lacks_rights(struct pgx_conn *conn, struct tmv_check *check, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;
    char lacks[sizeof check->seen - LACKS_PREFIX_MAX], grants[sizeof check->todo];

    if (!pgx_query(conn, PREFLIGHT_WAIT_US, sql_control_rights, PGX_NONE, &row, err))
        return false;
    if (pgx_rows(row) == 0)
        return true;
    pgx_fold(row, 0, "; ", "", lacks, sizeof lacks);
    pgx_fold(row, 1, " ", ": tenantmv worker prints them all", grants, sizeof grants);
    check_seen(check, TMV_VERDICT_REFUSE, "%s lacks in the control database %s", pgx_user(conn), lacks);
    check_todo(check, "%s", grants);
    return true;
}

/* Looked at as the role that asks: an engine asks again as its own before it begins. Where the control tables
 * are in the source's database, the decision is the work of the role that connects to that store. */
static bool control_rights(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                           struct tmv_error *err)
{
    struct pgx_conn *control = view->control->conn, *source = view->source.conn;
    bool here;

    (void)end;
    check_seen(check, TMV_VERDICT_OK, "%s may do there all that an engine does", pgx_user(control));
    if (!lacks_rights(control, check, err))
        return false;
    if (check->verdict != TMV_VERDICT_OK || !source || strcmp(pgx_user(source), pgx_user(control)) == 0)
        return true;
    return control_is_here(view, &here, err) && (!here || lacks_rights(source, check, err));
}

static bool connections(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                        struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;
    int64_t workers = view->options->settings.copy_workers > 0 ? view->options->settings.copy_workers : 2;
    int64_t needed = workers + CONNECTIONS_BESIDE_COPY;

    if (!check_query(end, sql_preflight_connections, PGX_NONE, &row, err))
        return false;
    int64_t left = pgx_int(row, 0, 0);
    check_seen(check, TMV_VERDICT_OK, "%" PRId64 " free, %" PRId64 " needed", left, needed);
    if (left >= needed)
        return true;
    check->verdict = left >= needed / 2 ? TMV_VERDICT_WARN : TMV_VERDICT_REFUSE;
    check_todo(
        check,
        "raise max_connections, or the limit of the role (ALTER ROLE … CONNECTION LIMIT) or the database; "
        "or use fewer copy workers");
    return true;
}

/* A commit that waits for standbys, timed on a connection of its own: the wait obeys no server timeout. */
static bool probe_commit(struct preflight_end *end, int64_t *ret_us, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *conn = NULL;
    const struct pgx_options options = {.part = "preflight", .statement_timeout_us = PREFLIGHT_STATEMENT_US};
    int64_t begun;

    if (!store_connect(&end->store, &options, &conn, err))
        return false;
    begun = clock_now_us();
    if (!pgx_query(conn, 2 * US_PER_S, sql_preflight_probe_commit, PGX_NONE, NULL, err))
        return false;
    *ret_us = clock_now_us() - begun;
    return true;
}

static bool durability(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                       struct tmv_error *err)
{
    const struct preflight_facts *f = &end->facts;
    int64_t took_us = 0;

    (void)view;
    if (!f->fsync) {
        check_seen(check, TMV_VERDICT_WARN,
                   "fsync is off: a crash of the machine can lose acknowledged events");
        check_todo(check, "set fsync = on and reload the server");
        return true;
    }
    if (f->standby)
        return true;
    if (!*f->synchronous_names) {
        check_seen(check, TMV_VERDICT_WARN, "no synchronous standby (%" PRId64 " connected)", f->replicas);
        check_todo(
            check,
            "a failover to an asynchronous standby can forget the cutover; set synchronous_standby_names "
            "if this server can fail over, otherwise nothing is to be done");
        return true;
    }
    if (!probe_commit(end, &took_us, err)) {
        check_seen(check, TMV_VERDICT_REFUSE, "a commit was not confirmed by the standbys (%s): %s",
                   f->synchronous_names, err->message);
        check_todo(check, "bring a standby named in synchronous_standby_names back, or take it out");
        return true;
    }
    check_seen(check, took_us > COMMIT_SLOW_US ? TMV_VERDICT_WARN : TMV_VERDICT_OK,
               "standbys (%s) confirm a commit in %s ms", f->synchronous_names,
               DECIMAL((double)took_us / US_PER_MS, 1));
    if (check->verdict == TMV_VERDICT_WARN)
        check_todo(check,
                   "each pause takes at least two such commits: look at the standby's network and load");
    return true;
}

static const struct preflight_check checks[] = {
    {"source-reachable", ON_NOTHING, false, source_reachable},
    {"target-reachable", ON_NOTHING, false, target_reachable},
    {"source-role", ON_SOURCE, false, role},
    {"target-role", ON_TARGET, false, role},
    {"source-server", ON_SOURCE, false, server},
    {"target-server", ON_TARGET, false, server},
    {"source-primary", ON_SOURCE, false, primary},
    {"target-primary", ON_TARGET, false, primary},
    {"source-writable", ON_SOURCE, false, writable},
    {"target-writable", ON_TARGET, false, writable},
    {"encodings", ON_BOTH, false, encodings},
    {"source-target-differ", ON_BOTH, false, differ},
    {"routing", ON_NOTHING, false, routing},
    {"source-fence", ON_SOURCE, false, fence},
    {"target-fence", ON_TARGET, false, fence},
    {"no-active-migration", ON_NOTHING, false, active_migration},
    {"source-guards", ON_SOURCE, false, guards},
    {"target-guards", ON_TARGET, false, guards},
    {"control-place", ON_SOURCE, false, control_place},
    {"control-rights", ON_NOTHING, false, control_rights},
    {"source-connections", ON_SOURCE, false, connections},
    {"target-connections", ON_TARGET, false, connections},
    {"source-durability", ON_SOURCE, false, durability},
    {"target-durability", ON_TARGET, false, durability},
};
const struct preflight_group preflight_places = {"places", checks, ARRAY_LEN(checks)};

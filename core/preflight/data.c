/* Data: what the stores hold of the tenant and of others. Every statement is bounded in time; one that gives
 * up on a large table becomes a warning. */
#include "preflight/check.h"

#include <inttypes.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"
#include "control/repositories.h"
#include "sql_embedded.h"

#define POSITIONS_FEW 1000000 /* a warning from here on */
#define COUNT_LIMIT 200000    /* counted exactly up to here; beyond, the planner's estimate does */

static bool estimate(struct preflight_view *view, struct preflight_end *end, int64_t *ret_events,
                     struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *plan = NULL;
    AUTO(buf) struct buf sql = BUF_INIT(4096);
    AUTO(json) cJSON *root = NULL;
    const struct pgx_var vars[] = {{"tenant_id", view->tenant}};

    if (!store_sql(&sql, sql_preflight_tenant_estimate, &end->shape, vars, ARRAY_LEN(vars), err) ||
        !pgx_query(end->conn, PREFLIGHT_WAIT_US, buf_text(&sql), PGX_NONE, &plan, err) ||
        !json_parse(pgx_text(plan, 0, 0), &root, err))
        return false;
    *ret_events = json_get_int64(cJSON_GetObjectItem(cJSON_GetArrayItem(root, 0), "Plan"), "Plan Rows", 0);
    return true;
}

static bool tenant_events(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                          struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *count = NULL;
    int64_t guessed = 0;

    if (!estimate(view, end, &guessed, err))
        return false;
    view->tenant_events = guessed;
    if (!check_query(end, sql_preflight_tenant_events, PGX_ARGS(PGX_TEXT(view->tenant), PGX_INT(COUNT_LIMIT)),
                     &count, err))
        return false;
    int64_t counted = pgx_int(count, 0, 0);
    if (counted < COUNT_LIMIT || guessed < counted)
        view->tenant_events = counted;
    if (counted == 0)
        check_seen(check, TMV_VERDICT_OK,
                   "the tenant has no events yet; only its route and what it writes from now on "
                   "will move");
    else if (counted < COUNT_LIMIT)
        check_seen(check, TMV_VERDICT_OK, "%" PRId64 " events", counted);
    else
        check_seen(check, TMV_VERDICT_OK, "about %" PRId64 " events", view->tenant_events);
    return true;
}

/* Whose the events are that the target holds of the tenant. Left behind is what is proven so: by routing, by
 * the servers, by both fences and by the tenant's migrations. */
enum standing { LEFT_BEHIND, GUARDED, AT_HOME, ELSEWHERE, UNROUTED };
struct leftovers {
    enum standing standing;
    char home[TMV_NAME_MAX]; /* ELSEWHERE: the store on which the tenant lives, as far as anything says */
};

static void lives_on(const char *home, bool here, struct leftovers *left)
{
    left->standing = here ? AT_HOME : ELSEWHERE;
    text_copy(left->home, sizeof left->home, home);
}

/* Two names may lead to one database: the tenant's home is known for another one only if it was looked at. */
static void ask_routing(const struct preflight_view *view, struct leftovers *left)
{
    const struct preflight_end *source = &view->source, *target = &view->target;
    const char *home = view->route.store_id;

    if (!view->has_route)
        left->standing = UNROUTED;
    else if (source->conn && strcmp(source->facts.identity, target->facts.identity) == 0)
        left->standing = AT_HOME;
    else if (strcmp(home, source->store.id) != 0 || !source->has_shape)
        lives_on(home, strcmp(home, target->store.id) == 0, left);
}

/* The fence outranks routing, on both sides. */
static bool ask_fences(struct preflight_view *view, struct preflight_end *end, struct leftovers *left,
                       struct tmv_error *err)
{
    struct preflight_fence here, there;

    if (!check_fence(view, end, &here, err) || !check_fence(view, &view->source, &there, err))
        return false;
    if ((*here.state && strcmp(here.state, "moved") != 0 && strcmp(here.state, "off") != 0) ||
        strcmp(there.state, "closed") == 0 || strcmp(there.state, "armed") == 0)
        left->standing = AT_HOME;
    else if (strcmp(there.state, "moved") == 0)
        lives_on(there.store, strcmp(there.store, view->target.store.id) == 0, left);
    else if (here.guarded)
        left->standing = GUARDED;
    return true;
}

/* What a migration has written there is its own, or where it brought the tenant. */
static bool ask_migrations(struct preflight_view *view, struct preflight_end *end, struct leftovers *left,
                           struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *places = NULL;

    if (!pgx_query(view->control->conn, PREFLIGHT_WAIT_US, sql_preflight_migration_places,
                   PGX_ARGS(PGX_TEXT(view->tenant), PGX_TEXT(end->store.id), PGX_TEXT(end->facts.identity),
                            PGX_TEXT(view->source.store.id)),
                   &places, err))
        return false;
    if (pgx_rows(places) > 0)
        lives_on(pgx_text(places, 0, 0), pgx_bool(places, 0, 1), left);
    return true;
}

static bool look_at_leftovers(struct preflight_view *view, struct preflight_end *end,
                              struct leftovers *ret_left, struct tmv_error *err)
{
    *ret_left = (struct leftovers){.standing = LEFT_BEHIND};
    ask_routing(view, ret_left);
    if (ret_left->standing != LEFT_BEHIND)
        return true;
    return ask_migrations(view, end, ret_left, err) &&
           (ret_left->standing != LEFT_BEHIND || ask_fences(view, end, ret_left, err));
}

/* No statement is advised that could remove events where the tenant lives, or that the guard would refuse. */
static void advise_on_leftovers(const struct preflight_view *view, const struct preflight_end *end,
                                const struct leftovers *left, struct tmv_check *check)
{
    const char *home = *left->home ? left->home : "another store";

    switch (left->standing) {
    case AT_HOME:
        check_todo(
            check,
            "the tenant lives there, or is about to: do not remove them; name another target, and look at "
            "its earlier migrations (tenantmv audit)");
        return;
    case ELSEWHERE:
        check_todo(
            check,
            "as recorded, the tenant lives on %s, which was not looked at and may be this very database: do "
            "not remove them; ask again with %s as the source, while it can be reached",
            home, home);
        return;
    case UNROUTED:
        check_todo(
            check,
            "the tenant has no routing row, so it may live there: do not remove them; find out where it "
            "lives and register that (tenantmv routing %s --register STORE), then ask again",
            view->tenant);
        return;
    case GUARDED:
        check_todo(
            check,
            "it left them behind when it moved away, and they are still guarded: ask again when an engine "
            "has removed its triggers there (seconds after the cutover, once no older transaction is open)");
        return;
    case LEFT_BEHIND:
        check_todo(
            check,
            "find out whose they are; when they are leftovers, as the engine's role: DELETE FROM %s WHERE "
            "%s = '%s'; on the target",
            end->shape.events, store_profile_eventsource_py.tenant, view->tenant);
        return;
    }
}

static bool target_empty(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                         struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *count = NULL;
    struct leftovers left;

    if (!check_query(end, sql_preflight_tenant_events, PGX_ARGS(PGX_TEXT(view->tenant), PGX_INT(1000)),
                     &count, err))
        return false;
    check_seen(check, TMV_VERDICT_OK, "the target holds no event of the tenant");
    int64_t found = pgx_int(count, 0, 0);
    if (found == 0)
        return true;
    check_seen(check, TMV_VERDICT_REFUSE, "the target holds %s%" PRId64 " events of the tenant",
               found == 1000 ? "at least " : "", found);
    if (!look_at_leftovers(view, end, &left, err))
        return false;
    advise_on_leftovers(view, end, &left, check);
    return true;
}

static bool target_alone(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                         struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *other = NULL;

    if (!check_query(end, sql_preflight_other_tenants, PGX_ARGS(PGX_TEXT(view->tenant)), &other, err))
        return false;
    check_seen(check, TMV_VERDICT_OK, "the target holds no other tenant's events");
    if (pgx_rows(other) == 0)
        return true;
    check_seen(check, TMV_VERDICT_REFUSE, "the target holds events of %s", pgx_text(other, 0, 0));
    check_todo(check,
               "positions are preserved, so the target must be the tenant's alone: name an empty store, "
               "for example a new database");
    return true;
}

/* Nobody else is on the way into the target, or at home there without having written yet. */
static bool target_unclaimed(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                             struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *moving = NULL;
    AUTO_RESULT struct pgx_result *routed = NULL;
    struct pgx_conn *control = view->control->conn;
    const char *target = view->target.store.id;

    (void)end;
    if (!pgx_query(control, PREFLIGHT_WAIT_US, sql_preflight_active_migrations,
                   PGX_ARGS(PGX_TEXT(view->tenant), PGX_TEXT(view->source.store.id), PGX_TEXT(target)),
                   &moving, err) ||
        !pgx_query(control, PREFLIGHT_WAIT_US, sql_preflight_target_routes,
                   PGX_ARGS(PGX_TEXT(target), PGX_TEXT(view->tenant)), &routed, err))
        return false;
    check_seen(check, TMV_VERDICT_OK, "no other tenant lives on %s or moves there", target);
    for (int i = 0; i < pgx_rows(moving); i++) {
        if (strcmp(pgx_text(moving, i, 1), view->tenant) == 0 || strcmp(pgx_text(moving, i, 3), target) != 0)
            continue;
        check_seen(check, TMV_VERDICT_REFUSE, "migration %s moves tenant %s to %s", pgx_text(moving, i, 0),
                   pgx_text(moving, i, 1), target);
        if (pgx_bool(moving, i, 5))
            check_todo(check,
                       "name another target; or, when the program that ran that migration is gone: tenantmv "
                       "abort %s --foreign",
                       pgx_text(moving, i, 1));
        else
            check_todo(check, "name another target; a store takes one tenant");
        return true;
    }
    if (pgx_int(routed, 0, 0) == 0)
        return true;
    check_seen(check, TMV_VERDICT_REFUSE, "%s other tenants are routed to %s, for example %s",
               pgx_text(routed, 0, 0), target, pgx_text(routed, 0, 1));
    check_todo(check, "name another target; a store takes one tenant");
    return true;
}

static bool streams_unmixed(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                            struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *mixed = NULL;

    if (!check_query(end, sql_preflight_mixed_streams, PGX_ARGS(PGX_TEXT(view->tenant)), &mixed, err))
        return false;
    int64_t others = pgx_int(mixed, 0, 0);
    int64_t nobodys = pgx_int(mixed, 0, 1);
    check_seen(check, TMV_VERDICT_OK, "every stream of the tenant is the tenant's alone");
    if (others + nobodys == 0)
        return true;
    check_seen(check, TMV_VERDICT_REFUSE,
               "%" PRId64 " streams of the tenant hold %" PRId64 " events of other tenants and %" PRId64
               " without a tenant, for example %s",
               pgx_int(mixed, 0, 2), others, nobodys, pgx_text(mixed, 0, 3));
    check_todo(
        check,
        "a stream cannot be cut in two: give its events one tenant (UPDATE %s SET %s = … WHERE %s = …), "
        "or move the tenants apart first",
        end->shape.events, store_profile_eventsource_py.tenant, store_profile_eventsource_py.stream);
    return true;
}

static bool version_gaps(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                         struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *gaps = NULL;

    if (!check_query(end, sql_preflight_version_gaps, PGX_ARGS(PGX_TEXT(view->tenant)), &gaps, err))
        return false;
    check_seen(check, TMV_VERDICT_OK, "every stream runs from version 1 without a gap");
    if (pgx_int(gaps, 0, 0) == 0)
        return true;
    check_seen(check, TMV_VERDICT_WARN, "%s streams have a gap in their versions, for example %s",
               pgx_text(gaps, 0, 0), pgx_text(gaps, 0, 1));
    check_todo(check, "they are copied as they are; find out whether events were deleted there");
    return true;
}

/* Columns that may be NULL on the source and may not on the target, as a list; "" when there is none. */
static void stricter_columns(const struct preflight_view *view, struct buf *ret_list)
{
    const struct store_shape *source = &view->source.shape;

    for (size_t i = 0; i < source->column_count; i++) {
        const struct store_column *from = &source->columns[i];
        const struct store_column *to = store_shape_column(&view->target.shape, from->name);

        if (!store_column_is_copied(from, to) || !to->not_null || from->not_null)
            continue;
        if (ret_list->len)
            buf_str(ret_list, ", ");
        pgx_ident(ret_list, from->name);
    }
}

static bool nulls(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                  struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;
    AUTO(buf) struct buf list = BUF_INIT(8192);
    AUTO(buf) struct buf sql = BUF_INIT(16384);

    (void)end;
    check_seen(check, TMV_VERDICT_OK, "the target insists on nothing that the source leaves open");
    stricter_columns(view, &list);
    if (list.len == 0)
        return true;
    const struct pgx_var vars[] = {{"columns", buf_text(&list)}};
    if (!store_sql(&sql, sql_preflight_nulls, &view->source.shape, vars, ARRAY_LEN(vars), err) ||
        !pgx_query(view->source.conn, PREFLIGHT_WAIT_US, buf_text(&sql), PGX_ARGS(PGX_TEXT(view->tenant)),
                   &row, err))
        return false;
    check_seen(check, TMV_VERDICT_WARN,
               "NOT NULL on the target only: %s; no event of the tenant violates it now", buf_text(&list));
    check_todo(
        check,
        "a later event without a value would stop the move: ALTER TABLE %s ALTER COLUMN … DROP NOT NULL; "
        "on the target",
        view->target.shape.events);
    if (pgx_rows(row) == 0)
        return true;
    check_seen(check, TMV_VERDICT_REFUSE, "NOT NULL on the target only: %s; event %s has no value there",
               buf_text(&list), pgx_text(row, 0, 0));
    return true;
}

/* Positions begin at 1: every reader of a feed starts after 0, and so does the copy. */
static bool positions_below_one(const struct preflight_end *end, const struct pgx_result *row,
                                struct tmv_check *check)
{
    if (pgx_int(row, 0, 3) > 0) {
        check_seen(check, TMV_VERDICT_REFUSE,
                   "%s events of the tenant have a position below 1 or none, the lowest is %s",
                   pgx_text(row, 0, 3), pgx_is_null(row, 0, 4) ? "none" : pgx_text(row, 0, 4));
        check_todo(
            check,
            "readers of the feed start after position 0 and never see them: give them positions of 1 or more "
            "(UPDATE %s SET %s = …)",
            end->shape.events, store_profile_eventsource_py.position);
        return true;
    }
    if (pgx_int(row, 0, 1) >= 0)
        return false;
    check_seen(check, TMV_VERDICT_REFUSE, "the sequence is at %s: later events would get positions below 1",
               pgx_text(row, 0, 1));
    check_todo(check, "run: SELECT setval('%s', 1, false);", end->shape.sequence);
    return true;
}

/* A sequence at its end refuses every write, on the target too, which goes on from there. */
static bool positions_left(const struct preflight_end *end, const struct pgx_result *row,
                           struct tmv_check *check)
{
    int64_t left = pgx_int(row, 0, 2);

    if (left >= POSITIONS_FEW)
        return false;
    check_seen(check, left > 0 ? TMV_VERDICT_WARN : TMV_VERDICT_REFUSE,
               "the sequence is at %s and has %" PRId64 " positions left", pgx_text(row, 0, 1), left);
    check_todo(
        check,
        "the target continues after the same position: writes there fail with 2200H once none is left. Find "
        "out who set %s that far ahead, or raise its MAXVALUE",
        end->shape.sequence);
    return true;
}

static bool positions(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                      struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;

    check_seen(check, TMV_VERDICT_OK, "positions begin at 1, and none is ahead of the sequence");
    if (!*end->shape.sequence)
        return true;
    if (!check_query(end, sql_preflight_position_ahead, PGX_ARGS(PGX_TEXT(view->tenant)), &row, err))
        return false;
    if (pgx_int(row, 0, 0) > pgx_int(row, 0, 1)) {
        check_seen(check, TMV_VERDICT_REFUSE, "position %s is in the table, but the sequence is at %s",
                   pgx_text(row, 0, 0), pgx_text(row, 0, 1));
        check_todo(check, "run: SELECT setval('%s', %s); a later event would get a position that is taken",
                   end->shape.sequence, pgx_text(row, 0, 0));
        return true;
    }
    (void)(positions_below_one(end, row, check) || positions_left(end, row, check));
    return true;
}

static const struct preflight_check checks[] = {
    {"tenant-events", ON_SOURCE, true, tenant_events},
    {"target-without-tenant", ON_TARGET, true, target_empty},
    {"target-without-others", ON_TARGET, true, target_alone},
    {"target-unclaimed", ON_NOTHING, false, target_unclaimed},
    {"streams-unmixed", ON_SOURCE, true, streams_unmixed},
    {"version-gaps", ON_SOURCE, true, version_gaps},
    {"nulls", ON_BOTH, true, nulls},
    {"positions", ON_SOURCE, true, positions},
};
const struct preflight_group preflight_data = {"data", checks, ARRAY_LEN(checks)};

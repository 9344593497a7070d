/* Folding away a resting tenant's own triggers: a hundred tenants with triggers of their own double what
 * every insert costs, a thousand make it fifteen times (design §6). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/text.h"
#include "sql_embedded.h"
#include "store/guard/guard.h"

#define RETIRE_TIMEOUT_US (30 * US_PER_S)
#define TABLE_TRY_MS 10

enum standing { STANDING_RESTS, STANDING_CLEAR, STANDING_NOT_YET };

static bool look(struct pgx_conn *conn, const struct guard *guard, enum fence_state resting,
                 enum standing *ret_standing, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!pgx_query(conn, RETIRE_TIMEOUT_US, sql_guard_retire_look,
                   PGX_ARGS(PGX_UUID(&guard->tenant), PGX_UUID(&guard->migration),
                            PGX_TEXT(guard->shape->events), PGX_TEXT(guard->mark),
                            PGX_TEXT(GUARD_CUTOVER_KEY)),
                   &row, err))
        return false;
    bool ours = pgx_rows(row) == 1;
    bool in_place = ours && strcmp(pgx_text(row, 0, 0), fence_state_name(resting)) == 0;
    /* Where the tenant lives, nothing is refused, so that nobody's snapshot matters. */
    bool seen_by_all = ours && (resting == FENCE_OPEN || (pgx_bool(row, 0, 2) && pgx_int(row, 0, 3) == 0));

    if (!ours || (in_place && pgx_int(row, 0, 1) == 0))
        *ret_standing = STANDING_RESTS;
    else /* what is dropped costs the writers a moment, and a pause has none to spare */
        *ret_standing = in_place && seen_by_all && !pgx_bool(row, 0, 4) ? STANDING_CLEAR : STANDING_NOT_YET;
    return true;
}

static bool retire_sql(const struct guard *guard, enum fence_state resting, struct buf *ret_sql,
                       struct tmv_error *err)
{
    char tenant[TMV_UUID_TEXT], id[TMV_UUID_TEXT], migration[TMV_UUID_TEXT + 2], state[16], limit[24];
    AUTO(buf) struct buf events = BUF_INIT(400);

    pgx_literal(&events, guard->shape->events);
    snprintf(migration, sizeof migration, "'%s'", tmv_uuid_format(&guard->migration, id));
    snprintf(limit, sizeof limit, "%d", TABLE_TRY_MS);
    snprintf(state, sizeof state, "'%s'", fence_state_name(resting));
    const struct pgx_var vars[] = {
        {"events_literal", buf_text(&events)},
        {"tenant_id", tmv_uuid_format(&guard->tenant, tenant)},
        {"migration", migration},
        {"state", state},
        {"mark", guard->mark},
    };

    const struct pgx_var begin = {"lock_ms", limit};
    if (!pgx_expand(ret_sql, sql_guard_retire_begin, &begin, 1, err))
        return false;
    buf_str(ret_sql, ";\n");
    if (!store_sql(ret_sql, sql_guard_retire, guard->shape, vars, ARRAY_LEN(vars), err))
        return false;
    buf_str(ret_sql, ";\n");
    buf_str(ret_sql, sql_any_commit);
    return buf_ok(ret_sql, err);
}

/* One message, so that an engine that stops in the middle keeps nobody from the table. *ret_busy: the table
 * or the fence row could not be locked within the moment. */
static bool drop(struct pgx_conn *conn, const struct guard *guard, enum fence_state resting, bool *ret_busy,
                 struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(16000);

    *ret_busy = false;
    if (!retire_sql(guard, resting, &sql, err) || !fault_hit("retire.before_drop", err))
        return false;
    if (pgx_script(conn, RETIRE_TIMEOUT_US, buf_text(&sql), 0, NULL, err))
        return fault_hit("retire.dropped", err);
    pgx_rollback(conn, RETIRE_TIMEOUT_US);
    *ret_busy = err_is_sqlstate(err, "55P03") || err_is_sqlstate(err, "40P01");
    return *ret_busy;
}

bool guard_retire(struct pgx_conn *conn, const struct guard *guard, enum fence_state resting, bool *ret_done,
                  struct tmv_error *err)
{
    enum standing standing;
    bool busy = false;

    *ret_done = false;
    /* An older version's schema says what it says in another form. */
    if (!guard_upgrade_store(conn, guard->shape, err) || !look(conn, guard, resting, &standing, err))
        return err_wrap(err, "looking at the guard of a tenant at rest");
    if (standing == STANDING_CLEAR && !drop(conn, guard, resting, &busy, err))
        return err_wrap(err, "dropping the triggers of a tenant at rest");
    /* What was dropped is looked at once more: the fence may have changed in between. */
    if (standing == STANDING_CLEAR && !busy && !look(conn, guard, resting, &standing, err))
        return false;
    *ret_done = standing == STANDING_RESTS;
    return true;
}

#include "store/guard/guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/text.h"
#include "sql_embedded.h"
#include "store/guard/facts.h"
#include "store/guard/table_lock.h"

#define GUARD_TIMEOUT_US (30 * US_PER_S)
#define TABLE_HELD_MS 1000 /* at most, while the engine says nothing */
#define REMOVE_TRY_MS 10
#define REMOVE_TRIES 40
#define NOT_OWNER "TM010"

static const char *const fence_states[FENCE_STATE_COUNT] = {"open", "moved", "closed", "armed", "off"};

const char *fence_state_name(enum fence_state state)
{
    return (unsigned)state < FENCE_STATE_COUNT ? fence_states[state] : "?";
}

static bool fence_state_parse(const char *name, enum fence_state *ret_state)
{
    for (int i = 0; i < FENCE_STATE_COUNT; i++) {
        if (strcmp(fence_states[i], name) == 0) {
            *ret_state = (enum fence_state)i;
            return true;
        }
    }
    return false;
}

/* The events table that a guard belongs to. A guard whose store was never read has none, and nothing may be
 * done by it. */
static uint32_t events_of(const struct guard *guard)
{
    TMV_ASSERT(guard->shape && guard->shape->relation_oid);
    return guard->shape->relation_oid;
}

bool guard_identify(struct pgx_conn *conn, struct guard *guard, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(
            conn, GUARD_TIMEOUT_US, sql_guard_lock_key,
            PGX_ARGS(PGX_TEXT(guard->shape->schema), PGX_TEXT(guard->shape->table), PGX_UUID(&guard->tenant)),
            &result, err))
        return false;
    guard->lock_key = pgx_int(result, 0, 0);
    text_copy(guard->mark, sizeof guard->mark, pgx_text(result, 0, 1));
    return true;
}

static bool not_owner(struct pgx_conn *conn, struct tmv_error *err)
{
    return err_set(err, TMV_ERR_OWNERSHIP, "another engine owns the migration in %s", pgx_place(conn));
}

bool guard_raise_owner(struct pgx_conn *conn, const struct guard *guard, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(conn, GUARD_TIMEOUT_US, sql_guard_owner_raise,
                   PGX_ARGS(PGX_UUID(&guard->tenant), PGX_UUID(&guard->migration),
                            PGX_INT(guard->owner_epoch), PGX_INT(events_of(guard))),
                   &result, err))
        return err_wrap(err, "taking ownership in %s", pgx_place(conn));
    return pgx_rows(result) > 0 || not_owner(conn, err);
}

bool guard_must_own(const struct guard *guard, struct buf *ret_sql, struct tmv_error *err)
{
    char tenant[TMV_UUID_TEXT], id[TMV_UUID_TEXT];
    char migration[TMV_UUID_TEXT + 2];
    char epoch[24], events[STORE_KEY_SQL];
    const struct pgx_var vars[] = {
        {"tenant_id", tmv_uuid_format(&guard->tenant, tenant)},
        {"events_key", store_key_sql(events_of(guard), events)},
        {"migration", migration},
        {"owner_epoch", epoch},
    };

    snprintf(migration, sizeof migration, "'%s'", tmv_uuid_format(&guard->migration, id));
    snprintf(epoch, sizeof epoch, "%" PRId64, guard->owner_epoch);
    return pgx_expand(ret_sql, sql_guard_must_own, vars, ARRAY_LEN(vars), err);
}

bool guard_explain(struct pgx_conn *conn, struct tmv_error *err)
{
    return err_is_sqlstate(err, NOT_OWNER) ? not_owner(conn, err) : false;
}

bool guard_prepare_fence(struct pgx_conn *conn, const struct guard *guard, enum fence_state state,
                         int64_t wait_ms, int64_t epoch, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *owned = NULL;

    if (!pgx_query(conn, GUARD_TIMEOUT_US, sql_guard_fence_prepare,
                   PGX_ARGS(PGX_UUID(&guard->tenant), PGX_TEXT(fence_state_name(state)),
                            PGX_UUID(&guard->migration), PGX_INT(wait_ms), PGX_INT(epoch),
                            PGX_INT(guard->owner_epoch), PGX_INT(events_of(guard))),
                   &owned, err))
        return err_wrap(err, "writing the fence row in %s", pgx_place(conn));
    return pgx_int(owned, 0, 0) > 0 || not_owner(conn, err);
}

bool guard_read_fence(struct pgx_conn *conn, const struct guard *guard, struct fence *ret_fence,
                      bool *ret_found, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(conn, GUARD_TIMEOUT_US, sql_guard_fence_read,
                   PGX_ARGS(PGX_UUID(&guard->tenant), PGX_INT(events_of(guard))), &result, err))
        return err_wrap(err, "reading the fence in %s", pgx_place(conn));
    *ret_found = pgx_rows(result) == 1;
    if (!*ret_found)
        return true;
    if (!fence_state_parse(pgx_text(result, 0, 0), &ret_fence->state))
        return err_set(err, TMV_ERR_INTERNAL, "the fence row has an unknown state");
    ret_fence->placement_epoch = pgx_int(result, 0, 1);
    text_copy(ret_fence->store_id, sizeof ret_fence->store_id, pgx_text(result, 0, 2));
    ret_fence->migration = pgx_uuid(result, 0, 3);
    return true;
}

static struct pgx_value epoch_or_null(int64_t epoch)
{
    return epoch ? PGX_INT(epoch) : PGX_NULL;
}

bool guard_change_fence(struct pgx_conn *conn, const struct guard *guard, const struct fence_change *change,
                        bool *ret_changed, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(conn, GUARD_TIMEOUT_US, sql_guard_fence_change,
                   PGX_ARGS(PGX_UUID(&guard->tenant), PGX_UUID(&guard->migration),
                            PGX_INT(guard->owner_epoch), PGX_TEXT(fence_state_name(change->from)),
                            epoch_or_null(change->from_epoch), PGX_TEXT(fence_state_name(change->to)),
                            epoch_or_null(change->to_epoch), PGX_INT(events_of(guard))),
                   &result, err))
        return err_wrap(err, "changing the fence in %s", pgx_place(conn));
    *ret_changed = pgx_rows(result) == 1;
    return true;
}

bool guard_sequence_value(struct pgx_conn *conn, const struct store_shape *shape, int64_t *ret_value,
                          struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(conn, GUARD_TIMEOUT_US, sql_guard_sequence_value, PGX_ARGS(PGX_INT(shape->sequence_oid)),
                   &result, err))
        return err_wrap(err, "reading the position sequence");
    *ret_value = pgx_int(result, 0, 0);
    return true;
}

static bool triggers_sql(const struct guard *guard, enum guard_level level, struct buf *ret_sql,
                         struct tmv_error *err)
{
    char tenant[TMV_UUID_TEXT];
    char key[24], held[24];
    AUTO(buf) struct buf events = BUF_INIT(400);

    TMV_ASSERT(guard->shape);
    pgx_literal(&events, guard->shape->events);
    const struct pgx_var vars[] = {
        {"events_literal", buf_text(&events)},
        {"tenant_id", tmv_uuid_format(&guard->tenant, tenant)},
        {"key", key},
        {"mark", guard->mark},
        {"insert_level", level == GUARD_ROWS ? "ROW" : "STATEMENT"},
    };
    const struct pgx_var limit = {"idle_ms", held};

    snprintf(held, sizeof held, "%d", TABLE_HELD_MS);
    snprintf(key, sizeof key, "%" PRId64, guard->lock_key);
    if (!store_sql(ret_sql, sql_guard_triggers, guard->shape, vars, ARRAY_LEN(vars), err))
        return false;
    buf_str(ret_sql, ";\n");
    if (!guard_must_own(guard, ret_sql, err))
        return false;
    buf_str(ret_sql, ";\n");
    return pgx_expand(ret_sql, sql_any_held_limit, &limit, 1, err);
}

bool guard_install(struct pgx_conn *conn, const struct guard *guard, enum guard_level level,
                   int64_t patience_us, struct guard_installed *ret_installed, struct tmv_error *err)
{
    AUTO(buf) struct buf triggers = BUF_INIT(32 * 1024);
    AUTO(buf) struct buf begin = BUF_INIT(1000);
    char role[PGX_QUOTED_MAX];

    /* A session's first glance takes milliseconds: not while the table is locked. */
    if (!triggers_sql(guard, level, &triggers, err) ||
        !store_sql(&begin, sql_guard_install_begin, guard->shape, NULL, 0, err) ||
        !facts_glance(conn, guard, ret_installed->glance, err))
        return false;
    if (pgx_script(conn, GUARD_TIMEOUT_US, buf_text(&begin), 0, NULL, err) &&
        table_lock_run(conn, guard->shape, buf_text(&triggers), patience_us, err) &&
        guard_sequence_value(conn, guard->shape, &ret_installed->value, err) &&
        facts_glance(conn, guard, ret_installed->glance, err) &&
        fault_hit("guard.before_install_commit", err) && pgx_commit(conn, GUARD_TIMEOUT_US, err))
        return true;
    pgx_rollback(conn, GUARD_TIMEOUT_US);
    guard_explain(conn, err);
    err_wrap(err, "installing the guard");
    if (err_is_sqlstate(err, "42501"))
        err_hint(err, "the engine's role must own the events table: ALTER TABLE %s OWNER TO %s;",
                 guard->shape->events, pgx_quoted(pgx_user(conn), role));
    return false;
}

/* One message: the lock, the check of who owns the migration, the work, and the end. */
static bool remove_sql(const struct guard *guard, bool closed_only, struct buf *ret_sql,
                       struct tmv_error *err)
{
    AUTO(buf) struct buf events = BUF_INIT(400);
    char pattern[64], tenant[TMV_UUID_TEXT], limit[24];

    snprintf(limit, sizeof limit, "%d", REMOVE_TRY_MS);
    snprintf(pattern, sizeof pattern, "~tenantmv\\_%s\\_%s", guard->mark, closed_only ? "closed" : "%");
    pgx_literal(&events, guard->shape->events);
    const struct pgx_var begin = {"lock_ms", limit};
    const struct pgx_var vars[] = {{"pattern", pattern},
                                   {"events_literal", buf_text(&events)},
                                   {"tenant_id", tmv_uuid_format(&guard->tenant, tenant)}};
    if (!store_sql(ret_sql, sql_guard_remove_begin, guard->shape, &begin, 1, err))
        return false;
    buf_str(ret_sql, ";\n");
    if (!guard_must_own(guard, ret_sql, err))
        return false;
    buf_str(ret_sql, ";\n");
    if (!store_sql(ret_sql, sql_guard_triggers_drop, guard->shape, vars, ARRAY_LEN(vars), err))
        return false;
    buf_str(ret_sql, ";\n");
    buf_str(ret_sql, sql_any_commit);
    return buf_ok(ret_sql, err);
}

bool guard_remove(struct pgx_conn *conn, const struct guard *guard, bool closed_only, char why[GUARD_WHY_MAX],
                  struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(16000);
    unsigned seed = (unsigned)clock_now_us();

    if (!remove_sql(guard, closed_only, &sql, err))
        return false;
    why[0] = '\0';
    for (int i = 0; i < REMOVE_TRIES; i++) {
        if (pgx_script(conn, GUARD_TIMEOUT_US, buf_text(&sql), 0, NULL, err)) {
            why[0] = '\0';
            return true;
        }
        text_copy(why, GUARD_WHY_MAX, err->message);
        pgx_rollback(conn, GUARD_TIMEOUT_US);
        if (!err_is_sqlstate(err, "55P03") && !err_is_sqlstate(err, "40P01")) {
            guard_explain(conn, err);
            return err_wrap(err, "removing the guard");
        }
        if (!stop_sleep(pgx_stop(conn), 20 * US_PER_MS + rand_r(&seed) % (80 * US_PER_MS)))
            return err_set(err, TMV_ERR_CANCELLED, "stopped");
    }
    return true;
}

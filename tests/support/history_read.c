#include "support/history.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"
#include "support/support.h"
#include "test.h"

void history_read_store(struct pgx_conn *conn, const struct tmv_uuid *tenant, struct history_store *ret_store)
{
    static const char select[] =
        "SELECT event_id, aggregate_id, version, global_position, md5(row(global_position, event_id, "
        "aggregate_id, aggregate_type, event_type, tenant_id, actor_id, version, \"timestamp\", payload, "
        "created_at, jsonb_strip_nulls(to_jsonb(e) - '{global_position, event_id, aggregate_id, "
        "aggregate_type, event_type, tenant_id, actor_id, version, timestamp, payload, created_at, "
        "txid}'::text[]))::text), md5(row(event_id, aggregate_id, aggregate_type, event_type, tenant_id, "
        "actor_id, "
        "version, \"timestamp\", payload, created_at)::text) FROM public.events e WHERE tenant_id = $1::uuid "
        "ORDER BY global_position";
    AUTO_RESULT struct pgx_result *rows = NULL;
    struct tmv_error err;

    assert_done(pgx_query(conn, SUPPORT_TIMEOUT_US, select, PGX_ARGS(PGX_UUID(tenant)), &rows, &err), &err);
    ret_store->count = (size_t)pgx_rows(rows);
    ret_store->rows = calloc(ret_store->count + 1, sizeof *ret_store->rows);
    assert_non_null(ret_store->rows);
    for (int i = 0; i < pgx_rows(rows); i++) {
        struct history_row *row = &ret_store->rows[i];

        row->event = pgx_uuid(rows, i, 0);
        row->stream = pgx_uuid(rows, i, 1);
        row->version = pgx_int(rows, i, 2);
        row->position = pgx_int(rows, i, 3);
        text_copy(row->digest, sizeof row->digest, pgx_text(rows, i, 4));
        text_copy(row->content, sizeof row->content, pgx_text(rows, i, 5));
    }
}

void history_store_release(struct history_store *store)
{
    free(TAKE(store->rows));
    store->count = 0;
}

void history_seed(struct history *history, size_t tenant, struct pgx_conn *conn)
{
    struct history_store store;
    struct tmv_uuid id = history_tenant_id(history, tenant);

    history_read_store(conn, &id, &store);
    for (size_t i = 0; i < store.count; i++) {
        const struct history_row *row = &store.rows[i];
        const struct history_write write = {.event = row->event,
                                            .stream = row->stream,
                                            .tenant = tenant,
                                            .kind = "history",
                                            .version = row->version};
        size_t number = history_attempt(history, &write);
        struct history_write *noted;

        history_answer(history, number, HISTORY_ACKNOWLEDGED, row->position);
        noted = history_at(history, number);
        noted->attempted_us = 0;
        noted->answered_us = 1;
    }
    history_store_release(&store);
}

static void read_text(struct pgx_conn *conn, char *text, size_t size, const char *fmt, const char *tenant)
{
    AUTO_FREE char *sql = NULL;
    AUTO_FREE char *value = NULL;

    assert_true(asprintf(&sql, "SELECT coalesce((%s '%s' LIMIT 1)::text, '')", fmt, tenant) > 0);
    value = support_text(conn, "%s", sql);
    text_copy(text, size, value);
}

static void read_transitions(struct pgx_conn *control, const char *migration, struct history_facts *f)
{
    AUTO_RESULT struct pgx_result *rows = NULL;
    struct tmv_error err;

    assert_done(pgx_query(control, SUPPORT_TIMEOUT_US,
                          "SELECT coalesce(old_phase, ''), coalesce(new_phase, ''), event_type FROM "
                          "public.migration_audit_log WHERE migration_id = $1::uuid AND (new_phase IS NOT "
                          "NULL OR event_type = 'cutover_completed') ORDER BY id",
                          PGX_ARGS(PGX_TEXT(migration)), &rows, &err),
                &err);
    for (int i = 0; i < pgx_rows(rows) && i < HISTORY_TRANSITIONS_MAX; i++) {
        struct history_transition *t = &f->transitions[f->transition_count++];

        text_copy(t->from, sizeof t->from, pgx_text(rows, i, 0));
        text_copy(t->to, sizeof t->to, pgx_text(rows, i, 1));
        text_copy(t->event, sizeof t->event, pgx_text(rows, i, 2));
    }
    f->audit_intact = support_int(control, "SELECT coalesce(tenantmv.audit_verify('%s'), 0)", migration) == 0;
    f->open_ledger = support_int(
        control, "SELECT count(*) FROM tenantmv.ledger WHERE migration_id = '%s' AND done_at IS NULL",
        migration);
    f->open_commands =
        support_int(control,
                    "SELECT count(*) FROM tenantmv.command WHERE migration_id = '%s' AND state IN "
                    "('requested', 'running')",
                    migration);
}

static bool has_schema(struct pgx_conn *conn)
{
    return support_int(conn, "SELECT (to_regclass('tenantmv.fence') IS NOT NULL)::int") == 1;
}

static int64_t triggers(struct pgx_conn *conn, const char *tenant)
{
    return support_int(conn,
                       "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~tenantmv%%' AND tgname <> "
                       "'~tenantmv_truncate' AND position('%s' IN encode(tgargs, 'escape')) > 0",
                       tenant);
}

/* The first pair of positions of the way back, which the deciding transaction writes. */
static void read_way_back(struct pgx_conn *source, const char *migration, struct history_facts *f)
{
    f->back_base =
        support_int(source,
                    "SELECT coalesce((SELECT to_position FROM tenantmv.anchor WHERE migration_id = '%s' "
                    "AND leg = 2 AND events = 0 ORDER BY from_position LIMIT 1), -1)",
                    migration);
    f->kept_current = f->back_base >= 0;
}

static void read_stores(const struct history_databases *db, const char *tenant, const char *migration,
                        struct history_facts *f)
{
    if (has_schema(db->source)) {
        read_text(db->source, f->source_fence, sizeof f->source_fence,
                  "SELECT state FROM tenantmv.fence WHERE tenant_id =", tenant);
        read_way_back(db->source, migration, f);
    }
    f->source_triggers = triggers(db->source, tenant);
    f->shared_triggers = support_int(
        db->source, "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'public.events'::regclass AND "
                    "tgenabled = 'A' AND tgname LIKE '~tenantmv\\_retired\\_%%'");
    f->target_triggers = triggers(db->target, tenant);
    /* As the store was made: two unique constraints, the key, and the profile's indexes. */
    f->missing_indexes =
        support_int(db->source, "SELECT count(*) FROM pg_index WHERE indrelid = 'public.events'::regclass") -
        support_int(
            db->target,
            "SELECT count(*) FROM pg_index WHERE indrelid = 'public.events'::regclass AND indisvalid");
    f->watermark = -1;
    if (!has_schema(db->target))
        return;
    read_text(db->target, f->target_fence, sizeof f->target_fence,
              "SELECT state FROM tenantmv.fence WHERE tenant_id =", tenant);
    f->watermark = support_int(
        db->target,
        "SELECT coalesce((SELECT watermark FROM tenantmv.applied WHERE migration_id = '%s' AND leg = 1), -1)",
        migration);
}

void history_read_facts(const struct history_databases *db, const struct tmv_uuid *tenant,
                        struct history_facts *ret_facts)
{
    AUTO_RESULT struct pgx_result *row = NULL;
    char id[TMV_UUID_TEXT];
    struct tmv_error err;

    memset(ret_facts, 0, sizeof *ret_facts);
    tmv_uuid_format(tenant, id);
    read_text(db->control, ret_facts->route_store, sizeof ret_facts->route_store,
              "SELECT store_id FROM public.tenant_routing WHERE tenant_id =", id);
    read_text(db->control, ret_facts->route_state, sizeof ret_facts->route_state,
              "SELECT migration_state FROM public.tenant_routing WHERE tenant_id =", id);
    assert_done(pgx_query(db->control, SUPPORT_TIMEOUT_US,
                          "SELECT id, phase, source_store_id, target_store_id FROM public.tenant_migrations "
                          "WHERE tenant_id = $1::uuid ORDER BY created_at DESC LIMIT 1",
                          PGX_ARGS(PGX_UUID(tenant)), &row, &err),
                &err);
    ret_facts->has_migration = pgx_rows(row) == 1;
    if (!ret_facts->has_migration)
        return;
    text_copy(ret_facts->phase, sizeof ret_facts->phase, pgx_text(row, 0, 1));
    text_copy(ret_facts->source_id, sizeof ret_facts->source_id, pgx_text(row, 0, 2));
    text_copy(ret_facts->target_id, sizeof ret_facts->target_id, pgx_text(row, 0, 3));
    read_transitions(db->control, pgx_text(row, 0, 0), ret_facts);
    read_stores(db, id, pgx_text(row, 0, 0), ret_facts);
}

void history_read_leftovers(struct pgx_conn *conn, struct history_leftovers *ret_left)
{
    static const char here[] = "(SELECT oid FROM pg_database WHERE datname = current_database())";

    ret_left->locks = support_int(
        conn, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = %s", here);
    ret_left->slots =
        support_int(conn, "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()");
    ret_left->temporary = support_int(
        conn, "SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind IN ('r', 'p')");
    ret_left->connections =
        support_int(conn, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                          "application_name LIKE 'tenantmv/%%' AND application_name NOT LIKE "
                          "'tenantmv/test%%' AND pid <> pg_backend_pid()");
    ret_left->prepared =
        support_int(conn, "SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()");
}

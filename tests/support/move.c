#include "test.h"

#include "support/move.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "sql_embedded.h"

static void fill_guard(struct guard *guard, const struct move *m, const struct store_shape *shape)
{
    guard->shape = shape;
    guard->tenant = m->endpoints.owner.tenant;
    guard->migration = m->endpoints.owner.migration;
    guard->owner_epoch = m->endpoints.owner.epoch;
}

void move_prepare(struct move *m, bool partitioned)
{
    struct tmv_error err;

    memset(m, 0, sizeof *m);
    support_store(support_cluster("source", NULL), "source", partitioned, &m->endpoints.source_store);
    support_store(support_cluster("target", NULL), "target", partitioned, &m->endpoints.target_store);
    m->endpoints.owner.tenant = tmv_uuid_random();
    m->endpoints.owner.migration = tmv_uuid_random();
    m->endpoints.owner.epoch = 1;
    tmv_uuid_format(&m->endpoints.owner.tenant, m->endpoints.tenant);
    tmv_uuid_format(&m->endpoints.owner.migration, m->endpoints.migration);
    m->source = support_connect(m->endpoints.source_store.conninfo);
    m->target = support_connect(m->endpoints.target_store.conninfo);
    assert_done(store_shape_discover(m->source, "public", "events", &m->endpoints.source, &err), &err);
    assert_done(store_shape_discover(m->target, "public", "events", &m->endpoints.target, &err), &err);
    fill_guard(&m->source_guard, m, &m->endpoints.source);
    fill_guard(&m->target_guard, m, &m->endpoints.target);
    assert_done(guard_identify(m->source, &m->source_guard, &err), &err);
    assert_done(guard_identify(m->target, &m->target_guard, &err), &err);
}

void move_guard_source(struct move *m)
{
    struct guard_installed installed;
    struct tmv_error err;

    assert_done(guard_prepare_store(m->source, &m->endpoints.source, &err), &err);
    assert_done(guard_raise_owner(m->source, &m->source_guard, &err), &err);
    assert_done(guard_prepare_fence(m->source, &m->source_guard, FENCE_OPEN, 600, 1, &err), &err);
    assert_done(guard_install(m->source, &m->source_guard, GUARD_ROWS, 30000000, &installed, &err), &err);
    m->v0 = installed.value;
    assert_done(guard_read_facts(m->source, &m->source_guard, m->facts, &err), &err);
}

void move_open_target(struct move *m)
{
    struct tmv_error err;
    struct guard_installed ignored;

    assert_done(guard_prepare_store(m->target, &m->endpoints.target, &err), &err);
    assert_done(guard_raise_owner(m->target, &m->target_guard, &err), &err);
    assert_done(guard_prepare_fence(m->target, &m->target_guard, FENCE_CLOSED, 600, 1, &err), &err);
    assert_done(guard_install(m->target, &m->target_guard, GUARD_ROWS, 30000000, &ignored, &err), &err);
    assert_done(pgx_query(m->target, SUPPORT_TIMEOUT_US, sql_phase_applied_begin,
                          PGX_ARGS(PGX_UUID(&m->endpoints.owner.migration),
                                   PGX_UUID(&m->endpoints.owner.tenant), PGX_INT(m->endpoints.owner.epoch),
                                   PGX_INT(m->v0), PGX_INT(m->endpoints.target.relation_oid)),
                          NULL, &err),
                &err);
    assert_done(
        pgx_query(m->target, SUPPORT_TIMEOUT_US, sql_phase_applied_mirroring,
                  PGX_ARGS(PGX_UUID(&m->endpoints.owner.migration), PGX_INT(m->endpoints.owner.epoch)), NULL,
                  &err),
        &err);
}

void move_release(struct move *m)
{
    pgx_close(TAKE(m->source));
    pgx_close(TAKE(m->target));
}

bool move_insert(struct pgx_conn *conn, const struct tmv_uuid *tenant, int stream, int version,
                 struct tmv_error *err)
{
    struct tmv_uuid aggregate = {.bytes = {(uint8_t)(stream >> 8), (uint8_t)stream, 1}};
    static const char insert[] = "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, "
                                 "event_type, tenant_id, version, timestamp, payload)"
                                 " VALUES (gen_random_uuid(), $1::uuid, 'Order', 'OrderPlaced', $2::uuid, "
                                 "$3::int, now(), '{\"n\": 1}')";

    return pgx_query(conn, SUPPORT_TIMEOUT_US, insert,
                     PGX_ARGS(PGX_UUID(&aggregate), PGX_UUID(tenant), PGX_INT(version)), NULL, err);
}

void move_decide(struct move *m)
{
    support_sql(m->source,
                "UPDATE tenantmv.fence SET state = 'moved', placement_epoch = 2, store_id = 'target' "
                "WHERE tenant_id = '%s'",
                m->endpoints.tenant);
}

void move_mutate(struct pgx_conn *conn, const char *function, const char *part, const char *by)
{
    AUTO_FREE char *body = support_text(conn, "SELECT pg_get_functiondef('%s'::regprocedure)", function);
    AUTO(buf) struct buf changed = BUF_INIT(100000);
    char *at = strstr(body, part);
    struct tmv_error err;

    assert_non_null(at);
    buf_add(&changed, body, (size_t)(at - body));
    buf_str(&changed, by);
    buf_str(&changed, at + strlen(part));
    assert_done(pgx_script(conn, SUPPORT_TIMEOUT_US, buf_text(&changed), 0, NULL, &err), &err);
}

-- Puts the tenant's fence row into a state before the triggers exist. A row that is there keeps its epoch; one that says
-- "moved" away from here starts at a higher one, because the tenant comes back; what it said is kept for an abort. 0: this
-- engine is not the owner here.
-- database: store
-- $1 uuid: tenant
-- $2 text: state, open (source) or closed (target)
-- $3 uuid: migration
-- $4 int: how long writers may wait, ms
-- $5 bigint: placement epoch at least
-- $6 bigint: owner epoch
-- $7 regclass: events table
WITH owned AS MATERIALIZED (
    SELECT 1 FROM tenantmv.owner o
     WHERE o.tenant_id = $1::uuid AND o.events = $7::regclass AND o.migration_id = $3::uuid AND o.owner_epoch = $6::bigint FOR SHARE),
before AS MATERIALIZED (
    SELECT f.store_id, f.migration_id, f.state FROM tenantmv.fence f, owned
     WHERE f.tenant_id = $1::uuid AND f.events = $7::regclass),
away AS (
    INSERT INTO tenantmv.departed AS d (tenant_id, store_id, migration_id, events)
    SELECT $1::uuid, b.store_id, b.migration_id, $7::regclass FROM before b
     WHERE b.state = 'moved' AND b.migration_id IS DISTINCT FROM $3::uuid
    ON CONFLICT (tenant_id, events) DO UPDATE SET store_id = excluded.store_id, migration_id = excluded.migration_id),
outdated AS (
    DELETE FROM tenantmv.departed d USING owned
     WHERE d.tenant_id = $1::uuid AND d.events = $7::regclass
       AND NOT EXISTS (SELECT FROM before b WHERE b.state = 'moved' OR b.migration_id = $3::uuid)),
prepared AS (
    INSERT INTO tenantmv.fence AS f (tenant_id, state, placement_epoch, migration_id, wait_ms, events)
    SELECT $1::uuid, $2, greatest($5::bigint, 1), $3::uuid, $4::int, $7::regclass FROM owned
    ON CONFLICT (tenant_id, events) DO UPDATE
       SET state = excluded.state, migration_id = excluded.migration_id, wait_ms = excluded.wait_ms,
           placement_epoch = greatest(f.placement_epoch + (f.state = 'moved')::int, $5::bigint), store_id = NULL,
           changed_at = clock_timestamp(), changed_xid = pg_current_xact_id()
     WHERE f.migration_id IS DISTINCT FROM excluded.migration_id OR f.state = 'off')
SELECT count(*) FROM owned

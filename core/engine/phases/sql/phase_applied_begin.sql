-- The target's row of a migration: the bulk copy of everything up to V0 begins. 0: this engine is not the owner here.
-- database: target
-- $1 uuid: migration
-- $2 uuid: tenant
-- $3 bigint: owner epoch
-- $4 bigint: V0
-- $5 regclass: events table
WITH owned AS MATERIALIZED (
    SELECT 1 FROM tenantmv.owner o
     WHERE o.tenant_id = $2::uuid AND o.events = $5::regclass AND o.migration_id = $1::uuid AND o.owner_epoch = $3::bigint FOR SHARE),
begun AS (
    INSERT INTO tenantmv.applied (migration_id, tenant_id, owner_epoch, state, copy_limit, events_table)
    SELECT $1::uuid, $2::uuid, $3::bigint, 'copying', $4::bigint, $5::regclass FROM owned
    ON CONFLICT (migration_id, leg) DO NOTHING)
SELECT count(*) FROM owned

-- Raises the owner row in a store: only upwards. It waits for a transaction of an earlier owner that is still open, and
-- makes one that was not executed yet find nothing. No row back: a higher epoch stands there.
-- database: store
-- $1 uuid: tenant
-- $2 uuid: migration
-- $3 bigint: owner epoch
-- $4 regclass: events table
INSERT INTO tenantmv.owner AS o (tenant_id, migration_id, owner_epoch, events)
VALUES ($1::uuid, $2::uuid, $3::bigint, $4::regclass)
ON CONFLICT (tenant_id, events) DO UPDATE SET migration_id = excluded.migration_id, owner_epoch = excluded.owner_epoch
 WHERE o.owner_epoch <= excluded.owner_epoch
RETURNING owner_epoch

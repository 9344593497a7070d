-- The owner epoch under which a migration takes mirrored events on its target; no row when it takes none.
-- database: target
-- $1 uuid: migration
-- $2 uuid: tenant
-- $3 regclass: events table
SELECT owner_epoch FROM tenantmv.applied
WHERE migration_id = $1::uuid AND leg = 1 AND tenant_id = $2::uuid AND state = 'mirroring' AND events_table = $3::regclass

-- The tenant's fence row as it is now.
-- database: store
-- $1 uuid: tenant
-- $2 regclass: events table
SELECT state, placement_epoch, coalesce(store_id, ''), migration_id FROM tenantmv.fence
 WHERE tenant_id = $1::uuid AND events = $2::regclass

-- The tenant's fence row as it is now.
-- database: store
-- $1 uuid: tenant
SELECT state, placement_epoch, coalesce(store_id, ''), migration_id FROM tenantmv.fence WHERE tenant_id = $1::uuid

-- What the store itself says of the tenant.
-- database: store
-- $1 uuid: the tenant
SELECT state, coalesce(store_id, ''), placement_epoch
FROM tenantmv.fence
WHERE tenant_id = $1::uuid

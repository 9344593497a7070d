-- The fence row of a tenant that is not moved any more and has no triggers left.
-- database: source
-- $1 uuid: tenant
-- $2 uuid: migration
DELETE FROM tenantmv.fence WHERE tenant_id = $1::uuid AND migration_id = $2::uuid AND state = 'off'

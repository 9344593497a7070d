-- The rows that a migration leaves in the target's schema tenantmv.
-- database: target
-- $1 uuid: tenant
-- $2 uuid: migration
WITH fence AS (DELETE FROM tenantmv.fence WHERE tenant_id = $1::uuid AND migration_id = $2::uuid),
     ranges AS (DELETE FROM tenantmv.copied_range WHERE migration_id = $2::uuid)
DELETE FROM tenantmv.applied WHERE migration_id = $2::uuid

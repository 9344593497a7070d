-- The target's row of a migration: the bulk copy of everything up to V0 begins.
-- database: target
-- $1 uuid: migration
-- $2 uuid: tenant
-- $3 bigint: owner epoch
-- $4 bigint: V0
INSERT INTO tenantmv.applied (migration_id, tenant_id, owner_epoch, state, copy_limit)
VALUES ($1::uuid, $2::uuid, $3::bigint, 'copying', $4::bigint)
ON CONFLICT (migration_id) DO NOTHING

-- What the target says it has.
-- database: target
-- $1 uuid: migration
SELECT state, copy_limit, watermark, events, owner_epoch FROM tenantmv.applied WHERE migration_id = $1::uuid

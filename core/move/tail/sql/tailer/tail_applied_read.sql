-- What a leg says it has brought here.
-- database: target
-- $1 uuid: migration
-- $2 smallint: leg
SELECT state, copy_limit, watermark, events, owner_epoch FROM tenantmv.applied WHERE migration_id = $1::uuid AND leg = $2::smallint

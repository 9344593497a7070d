-- Raises the owner epoch of the applied row, only upwards, and returns what the target has.
-- database: target
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 smallint: leg
UPDATE tenantmv.applied SET owner_epoch = $2::bigint WHERE migration_id = $1::uuid AND leg = $3::smallint AND owner_epoch <= $2::bigint
RETURNING state, copy_limit, watermark, events

-- From now on nothing of this migration can arrive on the target.
-- database: target
-- $1 uuid: migration
-- $2 bigint: owner epoch
UPDATE tenantmv.applied SET state = 'undoing' WHERE migration_id = $1::uuid AND leg = 1 AND owner_epoch = $2::bigint RETURNING events

-- Records the sessions of an engine that a successor must end.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 jsonb: sessions
WITH written AS (
    UPDATE tenantmv.lease SET sessions = $4::jsonb
     WHERE migration_id = $1::uuid AND owner_epoch = $2::bigint AND engine = $3::uuid
    RETURNING migration_id
)
SELECT count(*) > 0 FROM written

-- Gives a lease back; its epoch stays.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
WITH released AS (
    UPDATE tenantmv.lease SET engine = NULL, engine_name = '', sessions = '[]'
     WHERE migration_id = $1::uuid AND owner_epoch = $2::bigint AND engine = $3::uuid
    RETURNING migration_id
)
SELECT count(*) > 0, pg_notify('tenantmv', $1::text) FROM released

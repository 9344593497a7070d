-- The object is gone, or restored.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 bigint: row of the ledger
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
gone AS (
    UPDATE tenantmv.ledger l SET done_at = coalesce(l.done_at, clock_timestamp()) FROM mine
     WHERE mine.ok AND l.id = $4::bigint AND l.migration_id = $1::uuid
    RETURNING l.id
)
SELECT mine.ok, (SELECT count(*) FROM gone) FROM mine

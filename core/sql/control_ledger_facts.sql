-- What was seen of an object of the ledger.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 bigint: row of the ledger
-- $5 jsonb: facts
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
written AS (
    UPDATE tenantmv.ledger l SET facts = $5::jsonb FROM mine
     WHERE mine.ok AND l.id = $4::bigint AND l.migration_id = $1::uuid
    RETURNING l.id
)
SELECT mine.ok, (SELECT count(*) FROM written) FROM mine

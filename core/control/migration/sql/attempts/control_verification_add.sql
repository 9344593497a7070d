-- Stores a verification report.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 text: level
-- $5 boolean: consistent
-- $6 jsonb: report
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
added AS (
    INSERT INTO tenantmv.verification (migration_id, level, consistent, report)
    SELECT $1::uuid, $4::text, $5::boolean, $6::jsonb FROM mine WHERE mine.ok
    RETURNING id
)
SELECT mine.ok, added.id FROM mine LEFT JOIN added ON true

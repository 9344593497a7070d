-- The outcome of a command. A cutover's decision may have written "done" already; its owner may still word it.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 uuid: command
-- $5 text: state
-- $6 text: outcome
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
finished AS (
    UPDATE tenantmv.command c SET state = $5::text, outcome = $6::text, finished_at = clock_timestamp()
      FROM mine
     WHERE mine.ok AND c.id = $4::uuid AND c.migration_id = $1::uuid
       AND (c.state = 'running' OR (c.state = 'done' AND c.owner_epoch = $2::bigint))
    RETURNING c.id
),
counted AS (
    UPDATE tenantmv.migration_state s SET generation = s.generation + 1 FROM finished WHERE s.migration_id = $1::uuid
)
SELECT mine.ok, (SELECT count(*) FROM finished), pg_notify('tenantmv', $1::text) FROM mine

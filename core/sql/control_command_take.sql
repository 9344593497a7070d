-- The oldest waiting command of a migration, marked as running.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
next AS (
    SELECT c.id FROM tenantmv.command c
     WHERE c.migration_id = $1::uuid AND c.state = 'requested'
     ORDER BY c.number LIMIT 1 FOR NO KEY UPDATE
),
taken AS (
    UPDATE tenantmv.command c
       SET state = 'running', started_at = clock_timestamp(), owner_epoch = $2::bigint
      FROM next, mine
     WHERE mine.ok AND c.id = next.id AND c.state = 'requested'
    RETURNING c.id, c.operation, c.generation, c.requested_by, coalesce(c.reason, '') AS reason, c.keep_copied_events,
              c.forced, c.repair
)
SELECT mine.ok, t.id, t.operation, t.generation, t.requested_by, t.reason, t.keep_copied_events, t.forced, t.repair
  FROM mine LEFT JOIN taken t ON true

-- The oldest waiting command of a migration, marked as running. One whose time is over by this database's clock is never
-- taken: it ends here, and its outcome says so.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
WITH mine AS MATERIALIZED (
    SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok, clock_timestamp() AS moment
),
late AS (
    UPDATE tenantmv.command c
       SET state = 'expired', finished_at = mine.moment, outcome = tenantmv.expiry_told(c, mine.moment)
      FROM mine
     WHERE mine.ok AND c.migration_id = $1::uuid AND c.state = 'requested' AND c.expires_at <= mine.moment
    RETURNING c.id
),
counted AS (
    UPDATE tenantmv.migration_state s SET generation = s.generation + 1
     WHERE s.migration_id = $1::uuid AND EXISTS (SELECT FROM late)
),
next AS (
    SELECT c.id FROM tenantmv.command c, mine
     WHERE c.migration_id = $1::uuid AND c.state = 'requested'
       AND (c.expires_at IS NULL OR c.expires_at > mine.moment)
     ORDER BY c.number LIMIT 1 FOR NO KEY UPDATE OF c
),
taken AS (
    UPDATE tenantmv.command c
       SET state = 'running', started_at = mine.moment, owner_epoch = $2::bigint
      FROM next, mine
     WHERE mine.ok AND c.id = next.id AND c.state = 'requested'
    RETURNING c.id, c.operation, c.generation, c.requested_by, coalesce(c.reason, '') AS reason, c.keep_copied_events,
              c.forced, c.repair
)
SELECT mine.ok, t.id, t.operation, t.generation, t.requested_by, t.reason, t.keep_copied_events, t.forced, t.repair,
       CASE WHEN EXISTS (SELECT FROM late) THEN pg_notify('tenantmv', $1::text) END
  FROM mine LEFT JOIN taken t ON true

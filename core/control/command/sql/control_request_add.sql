-- A command for the owner, unless one of its kind is waiting or running; then that one's id comes back. None comes back
-- either when the migration ended meanwhile: its row is locked, so that no command is left that nobody answers.
-- database: control
-- $1 uuid: id of the command
-- $2 uuid: migration
-- $3 text: operation
-- $4 bigint: generation that the person saw, 0 any
-- $5 text: reason, may be null
-- $6 boolean: keep the copied events
-- $7 boolean: force
-- $8 text: who asks
-- $9 text: from where
-- $10 boolean: verify: mend the target first
-- $11 bigint: microseconds until it expires, null for never
WITH alive AS MATERIALIZED (
    SELECT m.id FROM public.tenant_migrations m
     WHERE m.id = $2::uuid AND (m.phase NOT IN ('completed', 'aborted', 'failed')
                                OR (m.phase = 'completed' AND $3::text IN ('verify', 'finalize')))
       FOR SHARE
),
added AS (
    INSERT INTO tenantmv.command (id, migration_id, operation, generation, reason, keep_copied_events, forced,
                                  requested_by, requested_from, repair, expires_at)
    SELECT $1::uuid, alive.id, $3::text, $4::bigint, $5::text, $6::boolean, $7::boolean, $8::text, $9::text, $10::boolean,
           clock_timestamp() + $11::bigint * interval '1 microsecond'
      FROM alive
    ON CONFLICT (migration_id, operation) WHERE state IN ('requested', 'running') DO NOTHING
    RETURNING id
)
SELECT EXISTS (SELECT FROM added), c.id, c.state, c.requested_by, pg_notify('tenantmv', $2::text)
  FROM (SELECT) AS one
  LEFT JOIN tenantmv.command c ON c.migration_id = $2::uuid AND c.operation = $3::text
                              AND c.state IN ('requested', 'running')

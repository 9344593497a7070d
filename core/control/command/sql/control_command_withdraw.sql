-- Takes a request back that nobody has begun with.
-- database: control
-- $1 uuid: command
-- $2 text: who
-- $3 text: from where
WITH withdrawn AS (
    UPDATE tenantmv.command c
       SET state = 'withdrawn', finished_at = clock_timestamp(),
           outcome = format('withdrawn by %s from %s', $2::text, $3::text)
     WHERE c.id = $1::uuid AND c.state = 'requested' AND c.started_at IS NULL
       AND (c.expires_at IS NULL OR c.expires_at > clock_timestamp())
    RETURNING c.migration_id
),
counted AS (
    UPDATE tenantmv.migration_state s SET generation = s.generation + 1
      FROM withdrawn w WHERE s.migration_id = w.migration_id
)
SELECT EXISTS (SELECT FROM withdrawn),
       (SELECT pg_notify('tenantmv', w.migration_id::text) FROM withdrawn w)

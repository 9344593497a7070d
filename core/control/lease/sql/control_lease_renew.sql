-- Heartbeat of all leases of an engine. Not waited for on disk: a lost one only looks older. A heartbeat of another engine
-- that lies in the future was written before the clock was set back: it counts from now, or its engine could be dead for
-- as long as the clock was moved before another one takes over.
-- database: control
-- $1 uuid: engine
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE tenantmv.lease l
   SET heartbeat_at = clock_timestamp(),
       sessions = CASE WHEN l.engine = $1::uuid THEN jsonb_build_array(pg_backend_pid()) ELSE l.sessions END
  FROM quick
 WHERE l.engine = $1::uuid
    OR (l.engine IS NOT NULL AND l.heartbeat_at > clock_timestamp() + interval '1 s')

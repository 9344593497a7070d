-- Heartbeat of all leases of an engine. Not waited for on disk: a lost one only looks older.
-- database: control
-- $1 uuid: engine
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE tenantmv.lease l SET heartbeat_at = clock_timestamp(), sessions = jsonb_build_array(pg_backend_pid())
  FROM quick WHERE l.engine = $1::uuid

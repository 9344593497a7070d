-- Who holds the tenant's lock, oldest first: what stands in the way of the cutover.
-- database: source
-- $1 bigint: key of the lock
SELECT coalesce(a.pid, 0), coalesce(a.application_name, 'prepared transaction'), coalesce(a.state, 'prepared'),
       coalesce((extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::bigint, -1) AS age_ms
  FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.granted AND l.mode = 'ShareLock'
   AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
   AND l.classid = (($1::bigint >> 32) & 4294967295)::oid AND l.objid = ($1::bigint & 4294967295)::oid
   AND l.objsubid = 1
 ORDER BY a.xact_start NULLS FIRST LIMIT 3

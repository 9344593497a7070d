-- What must be true of the source right before a cutover: the oldest transaction (prepared ones too) that holds the
-- tenant's lock, in ms (-1 without one, a day for a prepared one), and whether a synchronous standby is configured.
-- database: source
-- $1 bigint: key of the lock
SELECT coalesce(max(CASE WHEN a.pid IS NULL THEN 86400000
                         ELSE (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::bigint END), -1),
       current_setting('synchronous_standby_names') <> '',
       pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean
  FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.granted AND l.mode = 'ShareLock'
   AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
   AND l.classid = (($1::bigint >> 32) & 4294967295)::oid AND l.objid = ($1::bigint & 4294967295)::oid
   AND l.objsubid = 1

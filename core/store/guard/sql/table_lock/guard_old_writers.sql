-- Transactions that hold a writer's lock on the events table for longer than a moment: the guard's installation waits for
-- them before it asks again.
-- database: store
-- $1 regclass: events table
-- $2 int: older than this, ms
SELECT coalesce(a.pid, 0), coalesce(p.gid, ''), coalesce(a.application_name, ''),
       (extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, p.prepared)) * 1000)::bigint AS age_ms
  FROM pg_locks l
  LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN pg_prepared_xacts p ON l.pid IS NULL AND l.transactionid IS NULL
            AND l.virtualtransaction = '-1/' || p.transaction::text
 WHERE l.locktype = 'relation' AND l.granted
   -- a database made from the same template has a table of the same oid
   AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
   AND l.relation IN (SELECT relid FROM pg_partition_tree($1::regclass) UNION SELECT $1::regclass)
   AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock', 'ExclusiveLock', 'AccessExclusiveLock')
   AND l.pid IS DISTINCT FROM pg_backend_pid()
   AND (a.pid IS NULL OR clock_timestamp() - a.xact_start > $2::int * interval '1 ms')
 ORDER BY age_ms DESC NULLS FIRST
 LIMIT 5

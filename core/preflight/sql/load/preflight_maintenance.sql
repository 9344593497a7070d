-- Vacuum, analyze or an index build that runs on the events table, or an anti-wraparound vacuum that is due.
-- database: store
-- $1 oid: the events table
WITH tree AS (
    SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)
), running AS (
    SELECT DISTINCT l.pid, coalesce(left(a.query, 80), '') AS query
    FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid() AND l.relation IN (SELECT oid FROM tree)
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
      AND coalesce(a.application_name, '') NOT LIKE 'tenantmv/%'
), due AS (
    SELECT c.oid FROM tree JOIN pg_class c USING (oid)
    WHERE c.relkind = 'r' AND age(c.relfrozenxid) > current_setting('autovacuum_freeze_max_age')::bigint
)
SELECT format('maintenance runs on the table: %s', string_agg(format('pid %s %s', pid, query), ', ')),
       'wait until it has ended; the guard''s short lock cannot pass it'
FROM running
HAVING count(*) > 0
UNION ALL
SELECT format('an anti-wraparound vacuum is due on %s, and it does not give way',
              string_agg(oid::regclass::text, ', ')),
       'run it first: ' || string_agg(format('VACUUM (FREEZE) %s;', oid::regclass), ' ')
FROM due
HAVING count(*) > 0
LIMIT 1

-- Transactions that keep a lock on the events table, or have been open for a minute.
-- database: store
-- $1 oid: the events table
WITH old AS (
    SELECT a.pid, a.usename, a.state, a.application_name, date_trunc('second', now() - a.xact_start) AS age
    FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.application_name NOT LIKE 'tenantmv/%'
      AND (a.xact_start < clock_timestamp() - interval '60 s'
           OR a.xact_start < clock_timestamp() - interval '2 s'
              AND EXISTS (SELECT FROM pg_locks l
                          WHERE l.pid = a.pid AND l.locktype = 'relation' AND l.database = a.datid
                            AND l.relation IN (SELECT $1::oid UNION
                                               SELECT relid FROM pg_partition_tree($1::oid::regclass))))
    ORDER BY a.xact_start LIMIT 5
)
SELECT format('open for long: %s', string_agg(format('pid %s (%s, %s, %s)', pid, usename, state, age), ', ')),
       'wait until they end, or end them: ' || string_agg(format('SELECT pg_terminate_backend(%s);', pid), ' ')
FROM old
HAVING count(*) > 0

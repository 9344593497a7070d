-- One reading for the horizon: first V, then L (design §7); the order of the statements matters.
-- database: source
-- script
SELECT last_value - (NOT is_called)::int, pg_postmaster_start_time()::text FROM {{sequence}};
SELECT DISTINCT l.virtualtransaction FROM pg_locks l
 WHERE l.locktype = 'advisory' AND l.mode = 'ShareLock' AND l.granted
   AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
   AND l.classid = (({{key}}::bigint >> 32) & 4294967295)::oid
   AND l.objid = ({{key}}::bigint & 4294967295)::oid AND l.objsubid = 1

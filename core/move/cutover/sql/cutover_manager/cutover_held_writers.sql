-- Sessions that wait for the tenant's lock now.
-- database: source
-- $1 bigint: key of the lock
SELECT count(*) FROM pg_locks l
 WHERE l.locktype = 'advisory' AND NOT l.granted AND l.mode = 'ShareLock'
   AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
   AND l.classid = (($1::bigint >> 32) & 4294967295)::oid AND l.objid = ($1::bigint & 4294967295)::oid
   AND l.objsubid = 1

-- Ends every session of an earlier engine of this migration on this server, and returns how many are still there. They carry
-- the migration's id in application_name from their first moment on, and began before this one: sessions of a successor, if
-- we are the late one, began after it. Pid and backend_start are compared where the sessions live, by one clock.
-- database: any
-- $1 text: migration
-- $2 boolean: its sessions on the control tables, which hold the lock against other programs' cutovers, or all the others
SELECT count(pg_terminate_backend(a.pid))
  FROM pg_stat_activity a, pg_stat_activity me
 WHERE me.pid = pg_backend_pid()
   AND a.application_name LIKE 'tenantmv/%/' || $1 AND (a.application_name LIKE 'tenantmv/control/%') = $2::boolean
   AND a.backend_start < me.backend_start AND pg_has_role(a.usesysid, 'USAGE')

-- Ends every session of an earlier engine of this migration on this server. They carry the migration's id in
-- application_name from their first moment on, and began before this one: sessions of a successor, if we are the late one,
-- began after it. Pid and backend_start are compared where the sessions live, by one clock. Returns how many are still
-- there, and this session's own pid and start in microseconds, which tell it from any other of any server.
-- database: any
-- $1 text: migration
-- $2 boolean: its sessions on the control tables, which hold the lock against other programs' cutovers, or all the others
-- $3 integer: pid of a session of this engine that it keeps; 0 none
-- $4 bigint: when that one started
SELECT (SELECT count(pg_terminate_backend(a.pid))
          FROM pg_stat_activity a
         WHERE a.application_name LIKE 'tenantmv/%/' || $1 AND (a.application_name LIKE 'tenantmv/control/%') = $2::boolean
           AND a.backend_start < me.backend_start AND pg_has_role(a.usesysid, 'USAGE')
           AND NOT (a.pid = $3::integer AND (extract(epoch FROM a.backend_start) * 1000000)::bigint = $4::bigint)),
       me.pid, (extract(epoch FROM me.backend_start) * 1000000)::bigint
  FROM pg_stat_activity me
 WHERE me.pid = pg_backend_pid()

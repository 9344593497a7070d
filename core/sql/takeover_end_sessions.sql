-- Ends every session of an earlier engine of this migration on this server: they carry its id in application_name and run
-- under our role. Its control session is left alone (ours has the same name): what that one writes is checked against the
-- lease. Returns how many are still there.
-- database: store
-- $1 text: migration
SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a
 WHERE a.application_name LIKE 'tenantmv/%/' || $1 AND a.application_name NOT LIKE 'tenantmv/control/%' AND a.usename = current_user AND a.pid <> pg_backend_pid()

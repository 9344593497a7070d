-- The guard runs as the owner of the schema tenantmv and must be able to end a session of the engine's role.
-- database: store
SELECT format('the guard''s owner %s cannot end sessions of %s', r.rolname, current_user),
       format('GRANT pg_signal_backend TO %I;', r.rolname)
FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
WHERE n.nspname = 'tenantmv'
  AND NOT pg_has_role(r.oid, (SELECT oid FROM pg_roles WHERE rolname = current_user), 'USAGE')
  AND NOT pg_has_role(r.oid, 'pg_signal_backend', 'USAGE')

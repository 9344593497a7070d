-- What decides whether an operation is allowed now. Generation 0: another program's migration.
-- database: control
-- $1 uuid: migration
SELECT m.phase, coalesce(m.is_paused, false), coalesce(s.generation, 0)
  FROM public.tenant_migrations m LEFT JOIN tenantmv.migration_state s ON s.migration_id = m.id
 WHERE m.id = $1::uuid

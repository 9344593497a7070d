-- The settings of a migration.
-- database: control
-- $1 uuid: migration
SELECT m.config::text, m.phase, s.migration_id IS NOT NULL
  FROM public.tenant_migrations m LEFT JOIN tenantmv.migration_state s ON s.migration_id = m.id
 WHERE m.id = $1::uuid

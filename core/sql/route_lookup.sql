-- Where a tenant lives, and the migration that moves it now with its target.
-- database: control
-- $1 uuid: tenant
SELECT r.store_id, r.migration_state, m.id, m.target_store_id
FROM public.tenant_routing r
LEFT JOIN public.tenant_migrations m
    ON m.id = r.active_migration_id AND m.phase NOT IN ('completed', 'aborted', 'failed')
WHERE r.tenant_id = $1::uuid

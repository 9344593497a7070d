-- Where tenants live.
-- database: control
-- $1 uuid: one tenant, null for all
SELECT tenant_id, store_id, migration_state, active_migration_id FROM public.tenant_routing
 WHERE $1::uuid IS NULL OR tenant_id = $1::uuid ORDER BY tenant_id

-- Forgets a store that nothing uses; says otherwise who uses it.
-- database: control
-- $1 text: id
WITH used AS MATERIALIZED (
    SELECT 'migration ' || m.id AS who FROM public.tenant_migrations m
     WHERE m.phase NOT IN ('completed', 'aborted', 'failed') AND $1::text IN (m.source_store_id, m.target_store_id)
    UNION ALL
    SELECT 'tenant ' || r.tenant_id FROM public.tenant_routing r WHERE r.store_id = $1::text
),
gone AS (
    DELETE FROM tenantmv.store s WHERE s.id = $1::text AND NOT EXISTS (SELECT FROM used) RETURNING s.id
)
SELECT EXISTS (SELECT FROM gone), (SELECT count(*) FROM used), (SELECT coalesce(min(who), '') FROM used)

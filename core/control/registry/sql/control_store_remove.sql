-- Forgets a store that nothing uses; says otherwise who uses it.
-- database: control
-- $1 text: id
-- $2 text: who
-- $3 text: from where
WITH used AS MATERIALIZED (
    SELECT 'migration ' || m.id AS who FROM public.tenant_migrations m
     WHERE m.phase NOT IN ('completed', 'aborted', 'failed') AND $1::text IN (m.source_store_id, m.target_store_id)
    UNION ALL
    SELECT 'tenant ' || r.tenant_id FROM public.tenant_routing r WHERE r.store_id = $1::text
),
gone AS (
    DELETE FROM tenantmv.store s WHERE s.id = $1::text AND NOT EXISTS (SELECT FROM used) RETURNING s.*
),
noted AS (
    INSERT INTO tenantmv.registry_audit (action, subject, operator, came_from, details)
    SELECT 'store_removed', g.id, coalesce(nullif($2::text, ''), session_user), $3::text,
           jsonb_build_object('before', to_jsonb(g) - 'changed_at')
      FROM gone g
)
SELECT EXISTS (SELECT FROM gone), (SELECT count(*) FROM used), (SELECT coalesce(min(who), '') FROM used),
       CASE WHEN EXISTS (SELECT FROM gone) THEN pg_notify('tenantmv_store', $1::text) END

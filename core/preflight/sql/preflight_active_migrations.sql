-- Migrations that have not ended and touch the tenant or one of the two stores.
-- database: control
-- $1 uuid: the tenant
-- $2 text: the source's store id
-- $3 text: the target's store id
SELECT m.id, m.tenant_id, m.source_store_id, m.target_store_id, m.phase, coalesce(s.generation, 0) = 0 AS of_others,
       coalesce(m.created_by, '')
FROM public.tenant_migrations m
LEFT JOIN tenantmv.migration_state s ON s.migration_id = m.id
WHERE m.phase NOT IN ('completed', 'aborted', 'failed')
  AND (m.tenant_id = $1::uuid OR m.source_store_id IN ($2::text, $3::text) OR m.target_store_id IN ($2::text, $3::text))
ORDER BY m.created_at

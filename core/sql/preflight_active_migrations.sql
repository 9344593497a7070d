-- Migrations that have not ended and touch the tenant or one of the two stores.
-- database: control
-- $1 uuid: the tenant
-- $2 text: the source's store id
-- $3 text: the target's store id
SELECT id, tenant_id, source_store_id, target_store_id, phase
FROM public.tenant_migrations
WHERE phase NOT IN ('completed', 'aborted', 'failed')
  AND (tenant_id = $1::uuid OR source_store_id IN ($2::text, $3::text) OR target_store_id IN ($2::text, $3::text))
ORDER BY created_at

-- Registers where a tenant lives; an existing row stays. Says whether the store is known, and where the tenant lives
-- according to the row that was there before.
-- database: control
-- $1 uuid: tenant
-- $2 text: store
-- $3 text: who
-- $4 text: from where
WITH known AS MATERIALIZED (SELECT EXISTS (SELECT FROM tenantmv.store s WHERE s.id = $2::text) AS ok),
added AS (
    INSERT INTO public.tenant_routing (tenant_id, store_id) SELECT $1::uuid, $2::text FROM known WHERE ok
    ON CONFLICT (tenant_id) DO NOTHING
    RETURNING tenant_id
),
noted AS (
    INSERT INTO tenantmv.registry_audit (action, subject, operator, came_from, details)
    SELECT 'tenant_registered', a.tenant_id::text, coalesce(nullif($3::text, ''), session_user), $4::text,
           jsonb_build_object('store', $2::text)
      FROM added a
)
SELECT known.ok, EXISTS (SELECT FROM added),
       coalesce((SELECT r.store_id FROM public.tenant_routing r WHERE r.tenant_id = $1::uuid), '')
  FROM known

-- Registers where a tenant lives; an existing row stays. Says whether the store is known.
-- database: control
-- $1 uuid: tenant
-- $2 text: store
WITH known AS MATERIALIZED (SELECT EXISTS (SELECT FROM tenantmv.store s WHERE s.id = $2::text) AS ok),
added AS (
    INSERT INTO public.tenant_routing (tenant_id, store_id) SELECT $1::uuid, $2::text FROM known WHERE ok
    ON CONFLICT (tenant_id) DO NOTHING
)
SELECT ok FROM known

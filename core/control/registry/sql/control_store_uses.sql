-- Who uses a store: running migrations and tenants that live there.
-- database: control
-- $1 text: id
SELECT (SELECT count(*) FROM public.tenant_migrations m
         WHERE m.phase NOT IN ('completed', 'aborted', 'failed') AND $1::text IN (m.source_store_id, m.target_store_id)),
       (SELECT count(*) FROM public.tenant_routing r WHERE r.store_id = $1::text)

-- How many tenants routing sends to each store.
-- database: control
SELECT r.store_id, count(*) FROM public.tenant_routing r GROUP BY r.store_id ORDER BY r.store_id

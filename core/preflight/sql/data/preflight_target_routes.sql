-- Other tenants whose route leads to a store.
-- database: control
-- $1 text: the store id
-- $2 uuid: the tenant that may live there
SELECT count(*), min(tenant_id::text)
FROM public.tenant_routing
WHERE store_id = $1::text AND tenant_id <> $2::uuid

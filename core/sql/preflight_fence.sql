-- What the store itself says of the tenant. A store that an older version prepared does not tell the tables of one
-- database apart: what it says holds for each of them.
-- database: store
-- $1 uuid: the tenant
-- $2 regclass: the events table
SELECT state, coalesce(store_id, ''), placement_epoch
FROM tenantmv.fence f
WHERE f.tenant_id = $1::uuid
  AND coalesce(to_jsonb(f) ->> 'events', $2::regclass::text) = $2::regclass::text

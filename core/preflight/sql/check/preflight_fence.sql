-- What the store itself says of the tenant. A store that an older version prepared does not tell the tables of one
-- database apart: what it says holds for each of them.
-- database: store
-- $1 uuid: the tenant
-- $2 regclass: the events table
SELECT state, coalesce(store_id, ''), placement_epoch,
       -- whether the tenant has triggers of its own there: nothing of it is removed while it has
       EXISTS (SELECT FROM pg_trigger t
                WHERE t.tgrelid = $2::regclass AND t.tgname LIKE '~tenantmv\_%' AND position($1::text::bytea IN t.tgargs) = 1)
FROM tenantmv.fence f
WHERE f.tenant_id = $1::uuid
  AND coalesce(to_jsonb(f) ->> 'events', $2::regclass::text) = $2::regclass::text

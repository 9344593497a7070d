-- Removes the tenant's events at these positions from the target.
-- database: target
-- $1 uuid: tenant
-- $2 bigint[]: positions
DELETE FROM {{events}} WHERE {{position}} = ANY ($2::bigint[]) AND {{tenant}} = $1::uuid

-- Events of the tenant in a bounded range of positions: how many are still to mirror.
-- database: source
-- $1 bigint: above this position
-- $2 bigint: up to this position
-- $3 uuid: tenant
SELECT count(*) FROM (SELECT {{tenant}} AS tenant FROM {{events}} WHERE {{position}} > $1::bigint AND {{position}} <= $2::bigint OFFSET 0) e
 WHERE e.tenant = $3::uuid

-- Removes one batch of copied events from the target.
-- database: target
-- $1 uuid: tenant
-- $2 bigint: above this position
-- $3 bigint: up to this position
DELETE FROM {{events}} WHERE {{position}} > $2::bigint AND {{position}} <= $3::bigint AND {{tenant}} = $1::uuid

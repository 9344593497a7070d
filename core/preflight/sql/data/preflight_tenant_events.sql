-- How many events the tenant has, counted up to a bound.
-- database: store
-- $1 uuid: the tenant
-- $2 bigint: count at most so many
SELECT count(*) FROM (SELECT 1 FROM {{events}} WHERE {{tenant}} = $1::uuid LIMIT $2::bigint) e

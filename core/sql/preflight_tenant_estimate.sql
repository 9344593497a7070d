-- The planner's idea of the number of the tenant's events, from its statistics: costs nothing on a large table.
-- database: store
-- $1 uuid: the tenant
EXPLAIN (FORMAT JSON) SELECT 1 FROM {{events}} WHERE {{tenant}} = $1::uuid

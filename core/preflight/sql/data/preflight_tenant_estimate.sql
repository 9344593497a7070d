-- The planner's idea of the number of the tenant's events, from its statistics: costs nothing on a large table.
-- database: source
-- script
EXPLAIN (FORMAT JSON) SELECT 1 FROM {{events}} WHERE {{tenant}} = '{{tenant_id}}'

-- The tenant's events in a bounded range of positions, in order. The range stands in a subquery of its own (OFFSET 0), so
-- that there is one plan whatever the statistics say: the primary key's range.
-- database: source
-- $1 bigint: above this position
-- $2 bigint: up to this position
-- $3 uuid: tenant
SELECT {{columns}} FROM (SELECT * FROM {{events}} WHERE {{position}} > $1::bigint AND {{position}} <= $2::bigint OFFSET 0) e
 WHERE e.{{tenant}} = $3::uuid ORDER BY e.{{position}}

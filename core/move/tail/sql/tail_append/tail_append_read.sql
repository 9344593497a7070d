-- The tenant's next events in the order of positions, for a leg that gives them other positions: some of a bounded range. In
-- the same form as tail_read.sql, for the same plan.
-- database: source
-- $1 bigint: above this position
-- $2 bigint: up to this position
-- $3 uuid: tenant
-- $4 bigint: at most so many
SELECT {{columns}} FROM (SELECT * FROM {{events}} WHERE {{position}} > $1::bigint AND {{position}} <= $2::bigint OFFSET 0) e
 WHERE e.{{tenant}} = $3::uuid ORDER BY e.{{position}} LIMIT $4::bigint

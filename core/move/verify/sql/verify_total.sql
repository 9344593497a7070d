-- All of the tenant's events that are not above a range of positions, and those in the range: what a copy or a comparison by
-- ranges passed over is the difference, wherever it lies (below the range, or without a position). By the tenant's index.
-- database: store
-- $1 bigint: positions above this
-- $2 bigint: up to and including this
-- $3 uuid: tenant
SELECT count(*) FILTER (WHERE (e.{{position}} > $2::bigint) IS NOT TRUE),
       count(*) FILTER (WHERE e.{{position}} > $1::bigint AND e.{{position}} <= $2::bigint)
FROM {{events}} e WHERE e.{{tenant}} = $3::uuid

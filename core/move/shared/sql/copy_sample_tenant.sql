-- As copy_sample, from the tenant's own index and at most {{most}} events: for tenants that hardly show in a sample.
-- database: store
-- $1 bigint: positions above this
-- $2 bigint: up to and including this
-- $3 uuid: tenant
WITH sampled AS MATERIALIZED (
    SELECT {{position}} AS position FROM {{events}}
    WHERE {{tenant}} = $3::uuid AND {{position}} > $1::bigint AND {{position}} <= $2::bigint
    LIMIT {{most}}
), mine AS (
    SELECT s.position, ntile({{bounds}}) OVER (ORDER BY s.position) AS part FROM sampled s
)
SELECT NULL::bigint AS bound, count(*) AS events FROM sampled
UNION ALL
SELECT max(m.position), count(*) FROM mine m GROUP BY m.part
ORDER BY 1 NULLS FIRST

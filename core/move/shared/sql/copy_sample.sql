-- A sample of the table by pages: first a row with the number of all sampled events, then the upper bounds of at most
-- {{bounds}} ranges of positions with equally many events of the tenant, and how many were seen in each.
-- database: store
-- $1 bigint: positions above this
-- $2 bigint: up to and including this
-- $3 uuid: tenant
WITH sampled AS MATERIALIZED (
    SELECT {{position}} AS position, {{tenant}} AS tenant
    FROM {{events}} TABLESAMPLE SYSTEM ({{percent}})
    WHERE {{position}} > $1::bigint AND {{position}} <= $2::bigint
), mine AS (
    SELECT s.position, ntile({{bounds}}) OVER (ORDER BY s.position) AS part FROM sampled s WHERE s.tenant = $3::uuid
)
SELECT NULL::bigint AS bound, count(*) AS events FROM sampled
UNION ALL
SELECT max(m.position), count(*) FROM mine m GROUP BY m.part
ORDER BY 1 NULLS FIRST

-- How far the tail is behind: the tenant's events among the first rows above a position, how many rows of all tenants that
-- were, and the last one's position. In a subquery of its own, so that there is one plan: the primary key in order.
-- database: source
-- $1 bigint: above this position
-- $2 bigint: up to this position
-- $3 uuid: tenant
-- $4 bigint: look at so many rows at most
SELECT count(*) FILTER (WHERE e.tenant = $3::uuid), count(*), coalesce(max(e.position), $1::bigint)
FROM (SELECT {{tenant}} AS tenant, {{position}} AS position FROM {{events}}
      WHERE {{position}} > $1::bigint AND {{position}} <= $2::bigint ORDER BY {{position}} LIMIT $4::bigint) e

-- Positions of a few events of the tenant to try on the target: the first, the last, the widest of those that are looked at,
-- and some by chance. No row: the tenant has none.
-- database: source
-- $1 uuid: tenant
WITH few AS MATERIALIZED (
    SELECT e.{{position}} AS position, {{size}} AS size FROM {{events}} e WHERE e.{{tenant}} = $1::uuid LIMIT 20000
), chosen AS (
    (SELECT f.position FROM few f ORDER BY f.size DESC LIMIT 1)
    UNION (SELECT f.position FROM few f ORDER BY random() LIMIT 6)
    UNION (SELECT e.{{position}} FROM {{events}} e WHERE e.{{tenant}} = $1::uuid ORDER BY e.{{position}} LIMIT 1)
    UNION (SELECT e.{{position}} FROM {{events}} e WHERE e.{{tenant}} = $1::uuid ORDER BY e.{{position}} DESC LIMIT 1)
)
SELECT position FROM chosen ORDER BY position

-- Groups of the tenant's events that a unique index of the target would not let in, and one of them: its keys, and two of
-- its positions.
-- database: source
-- $1 uuid: tenant
SELECT count(*), min(g.keys), (array_agg(g.positions))[1]
FROM (SELECT left(ROW({{grouped}})::text, 120) AS keys,
             min(e.{{position}}) || ' and ' || max(e.{{position}}) AS positions
      FROM {{events}} e
      WHERE e.{{tenant}} = $1::uuid AND {{counted}}
      GROUP BY {{grouped}}
      HAVING count(*) > 1) g

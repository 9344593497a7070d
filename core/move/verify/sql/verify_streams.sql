-- Every stream of the tenant with its number of events and its last version, in an order that is the same everywhere. The
-- type is told apart by its hash: a type of 255 characters of any script is as short as any other.
-- database: store
-- script
COPY (SELECT e.{{stream}}::text COLLATE "C", encode(sha256(convert_to(e.{{stream_type}}::text, 'UTF8')), 'hex') COLLATE "C",
             count(*), max(e.{{version}})
      FROM {{events}} e
      WHERE e.{{tenant}} = '{{tenant_id}}' AND e.{{position}} > {{low}} AND e.{{position}} <= {{high}}
      GROUP BY 1, 2
      ORDER BY 1, 2) TO STDOUT

-- The tenant's events in a bounded range of positions, in order. The range stands in a subquery of its own (OFFSET 0), so
-- that there is one plan whatever the statistics say: the primary key's range.
-- database: source
-- script
COPY (SELECT {{columns}} FROM (SELECT * FROM {{events}} WHERE {{position}} > {{low}} AND {{position}} <= {{high}} OFFSET 0) e
       WHERE e.{{tenant}} = '{{tenant_id}}' ORDER BY e.{{position}}) TO STDOUT (FORMAT binary)

-- A chunk of the tenant's history. {{barrier}} is OFFSET 0 for a tenant with a large share of the table: the plan is
-- the range of the primary key then, with the tenant filtered from it. Empty, it leaves the server the choice of the
-- tenant's index.
-- database: source
-- script
COPY (SELECT {{columns}}
      FROM (SELECT * FROM {{events}} WHERE {{position}} > {{low}} AND {{position}} <= {{high}} {{barrier}}) e
      WHERE e.{{tenant}} = '{{tenant_id}}') TO STDOUT (FORMAT binary)

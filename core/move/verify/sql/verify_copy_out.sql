-- The tenant's events at these positions.
-- database: source
-- script
COPY (SELECT {{columns}} FROM {{events}} e
      WHERE e.{{position}} = ANY ('{{positions}}'::bigint[]) AND e.{{tenant}} = '{{tenant_id}}') TO STDOUT (FORMAT binary)

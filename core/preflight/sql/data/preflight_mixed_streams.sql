-- Rows of other tenants, and without a tenant, in streams that hold events of the tenant.
-- database: source
-- $1 uuid: the tenant
SELECT count(*) FILTER (WHERE e.{{tenant}} IS NOT NULL), count(*) FILTER (WHERE e.{{tenant}} IS NULL),
       count(DISTINCT e.{{stream}}), min(e.{{stream_type}} || ' ' || e.{{stream}}::text)
FROM {{events}} e
JOIN (SELECT DISTINCT {{stream}}, {{stream_type}} FROM {{events}} WHERE {{tenant}} = $1::uuid) s
  ON s.{{stream}} = e.{{stream}} AND s.{{stream_type}} = e.{{stream_type}}
WHERE e.{{tenant}} IS DISTINCT FROM $1::uuid

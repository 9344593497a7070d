-- One row that is not the tenant's.
-- database: target
-- $1 uuid: the tenant
SELECT coalesce('tenant ' || {{tenant}}::text, 'no tenant') FROM {{events}} WHERE {{tenant}} IS DISTINCT FROM $1::uuid LIMIT 1

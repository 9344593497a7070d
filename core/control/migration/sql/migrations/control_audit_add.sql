-- An audit row of its own.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 text: event type
-- $5 jsonb: details, may be null
-- $6 text: operator, may be null
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok)
SELECT ok, CASE WHEN ok THEN tenantmv.audit_append($1::uuid, $4::text, NULL, NULL, $5::jsonb, $6::text) END,
       pg_notify('tenantmv', $1::text)
  FROM mine

-- Counts and keeps an error, with its audit row.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 text: message
-- $5 jsonb: details of the audit row
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
counted AS (
    UPDATE public.tenant_migrations m
       SET error_count = coalesce(m.error_count, 0) + 1, last_error = left($4::text, 1000),
           last_error_at = clock_timestamp()
      FROM mine WHERE mine.ok AND m.id = $1::uuid
    RETURNING m.id
)
SELECT mine.ok,
       (SELECT tenantmv.audit_append(counted.id, 'error_occurred', NULL, NULL, $5::jsonb, NULL) FROM counted),
       pg_notify('tenantmv', $1::text)
  FROM mine

-- What was seen of an object of the ledger, with what is told of it: an audit row, and the count of errors. The audit row is
-- made of what `counted` returns: a part of a statement that nothing asks for runs last, and its lock on the migration's row
-- would come after that on the audit's head, against the order that control_functions.sql names.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 bigint: row of the ledger
-- $5 jsonb: facts
-- $6 text: event type of the audit row, null for none
-- $7 jsonb: details of the audit row
-- $8 text: message of an error, null for none
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
written AS (
    UPDATE tenantmv.ledger l SET facts = $5::jsonb FROM mine
     WHERE mine.ok AND l.id = $4::bigint AND l.migration_id = $1::uuid
    RETURNING l.migration_id
),
counted AS (
    UPDATE public.tenant_migrations m
       SET error_count = coalesce(m.error_count, 0) + 1, last_error = left($8::text, 1000),
           last_error_at = clock_timestamp()
      FROM written WHERE m.id = written.migration_id AND $8::text IS NOT NULL
    RETURNING m.id
)
SELECT mine.ok, (SELECT count(*) FROM written),
       (SELECT tenantmv.audit_append(written.migration_id, $6::text, NULL, NULL, $7::jsonb, NULL)
          FROM written LEFT JOIN counted ON counted.id = written.migration_id WHERE $6::text IS NOT NULL),
       pg_notify('tenantmv', $1::text)
  FROM mine

-- Ends another program's migration: tenantmv.abort_foreign says when, and what its outcomes mean. No row: no such migration.
-- database: control
-- $1 uuid: migration
-- $2 text: phase that was seen
-- $3 bigint: last sign that was seen, in microseconds since 1970
-- $4 text: reason
-- $5 text: who asks
-- $6 text: from where
SELECT outcome, phase_now, place
  FROM tenantmv.abort_foreign($1::uuid, $2::text, $3::bigint, $4::text, $5::text, $6::text)
 WHERE outcome IS NOT NULL

-- A cutover that an earlier owner left undecided did not decide: the fences say so.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 text: why, when nothing is known yet
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok)
SELECT mine.ok, CASE WHEN mine.ok THEN tenantmv.close_attempt($1::uuid, $2::bigint, 'rolled_back', $4::text) END,
       pg_notify('tenantmv', $1::text)
  FROM mine

-- What a completed migration still does, from one state to the next, with an audit row for a change that is told.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 text: from
-- $5 text: to
-- $6 jsonb: details of the audit row; null: none
-- $7 text: who
-- Gives: whether the lease is ours; whether it was changed.
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
changed AS (
    UPDATE tenantmv.migration_state s SET ending = $5::text, generation = s.generation + 1 FROM mine
     WHERE mine.ok AND s.migration_id = $1::uuid AND s.ending = $4::text
    RETURNING s.migration_id),
audited AS MATERIALIZED (
    SELECT tenantmv.audit_append(c.migration_id, 'progress_checkpoint', NULL, NULL, $6::jsonb, $7::text)
      FROM changed c WHERE $6::jsonb IS NOT NULL)
SELECT mine.ok, EXISTS (SELECT FROM changed), (SELECT count(*) FROM audited), pg_notify('tenantmv', $1::text) FROM mine

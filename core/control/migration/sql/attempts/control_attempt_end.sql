-- Ends an attempt with its outcome and the time of each step.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 bigint: number of the attempt
-- $5 text: outcome
-- $6 text: reason
-- $7 bigint: lock, microseconds
-- $8 bigint: drain, microseconds
-- $9 bigint: decide, microseconds
-- $10 bigint: whole pause, microseconds
-- $11 bigint: events drained
-- $12 bigint: writers that waited
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
ended AS (
    UPDATE tenantmv.cutover_attempt a
       SET outcome = $5::text, reason = $6::text, lock_us = $7::bigint, drain_us = $8::bigint, decide_us = $9::bigint,
           pause_us = $10::bigint, drained_events = $11::bigint, held_writers = $12::bigint
      FROM mine
     WHERE mine.ok AND a.migration_id = $1::uuid AND a.number = $4::bigint
    RETURNING a.number
)
SELECT mine.ok, (SELECT count(*) FROM ended), pg_notify('tenantmv', $1::text) FROM mine

-- What an engine waited for is over, although it has no progress to report.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
state AS (
    UPDATE tenantmv.migration_state s SET waiting_since = NULL, next_try_at = NULL, note = ''
      FROM mine WHERE mine.ok AND s.migration_id = $1::uuid AND s.waiting_since IS NOT NULL
)
SELECT ok FROM mine

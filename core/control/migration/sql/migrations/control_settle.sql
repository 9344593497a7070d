-- Everything that follows a decision is done. Nothing when nothing was open.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
settled AS (
    UPDATE tenantmv.migration_state s SET unsettled = false FROM mine
     WHERE mine.ok AND s.migration_id = $1::uuid AND s.unsettled
)
SELECT ok FROM mine

-- Writes events that are committed on the source to the target, with the source's positions and values, in one statement
-- of its own. It locks the applied row, so that nothing arrives after an abort; what the tail brought already stays.
-- Gives: 1 when the migration still takes mirrored events, else 0; number of events written.
-- database: target
-- $1 uuid: migration
-- $2 uuid: tenant
-- $3 bigint: owner epoch under which the mirror was admitted
-- $4 jsonb: rows, each an array of texts
-- {{columns}}: columns that both stores have
-- {{values}}: their values out of the row "r.v"
WITH ours AS (
    SELECT a.migration_id, a.owner_epoch
    FROM tenantmv.applied a
    WHERE a.migration_id = $1::uuid AND a.leg = 1 AND a.tenant_id = $2::uuid AND a.owner_epoch = $3::bigint
      AND a.state = 'mirroring' AND a.events_table = {{events_key}}
    FOR SHARE
), admitted AS MATERIALIZED (
    SELECT set_config('tenantmv.pass', ours.migration_id || '/' || ours.owner_epoch, true) AS pass FROM ours
), mirrored AS (
    INSERT INTO {{events}} ({{columns}})
    SELECT {{values}}
    FROM admitted
    JOIN jsonb_array_elements($4::jsonb) AS r (v) ON admitted.pass <> ''
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT (SELECT count(*) FROM admitted), (SELECT count(*) FROM mirrored)

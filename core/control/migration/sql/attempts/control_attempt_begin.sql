-- Starts and numbers an attempt to cut over. Only the owner adds attempts, so the next number is free.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 boolean: rehearsal
-- $5 text: requested by
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
begun AS (
    INSERT INTO tenantmv.cutover_attempt (migration_id, number, owner_epoch, rehearsal, requested_by)
    SELECT $1::uuid, (SELECT coalesce(max(a.number), 0) + 1 FROM tenantmv.cutover_attempt a WHERE a.migration_id = $1::uuid),
           $2::bigint, $4::boolean, coalesce($5::text, '')
      FROM mine WHERE mine.ok
    RETURNING number
)
SELECT mine.ok, begun.number, pg_notify('tenantmv', $1::text) FROM mine LEFT JOIN begun ON true

-- Keeps what is proven equal, so that the next engine goes on from there.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 bigint: proven up to this position; 0 takes an earlier proof back
-- $5 text: facts of the guards that it holds under
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
saved AS (
    INSERT INTO tenantmv.proof (migration_id, proven_to, guards)
    SELECT $1::uuid, $4::bigint, $5::text FROM mine WHERE mine.ok
    ON CONFLICT (migration_id) DO UPDATE SET proven_to = excluded.proven_to, guards = excluded.guards
)
SELECT ok FROM mine

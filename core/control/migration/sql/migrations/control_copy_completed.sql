-- The history stands in the target, with its indexes; what follows is the tail's. Says it once.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
changed AS (
    UPDATE public.tenant_migrations m SET bulk_copy_completed_at = clock_timestamp()
      FROM mine
     WHERE mine.ok AND m.id = $1::uuid AND m.phase = 'bulk_copy' AND m.bulk_copy_completed_at IS NULL
)
SELECT ok FROM mine

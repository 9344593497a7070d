-- Whether the guard's functions stand in this store as this program knows them; locks out another engine that would create
-- them now.
-- database: store
-- $1 int: version of the schema tenantmv of a store
SELECT to_regprocedure('tenantmv.guard_truncate()') IS NOT NULL
       AND coalesce((SELECT v.version >= $1::int FROM tenantmv.store_version v), false)
  FROM (SELECT pg_advisory_xact_lock(7308332043281360245)) AS only_one

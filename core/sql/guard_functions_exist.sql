-- Whether the guard's functions stand in this store; locks out another engine that would create them now.
-- database: store
SELECT to_regprocedure('tenantmv.guard_truncate()') IS NOT NULL
  FROM (SELECT pg_advisory_xact_lock(7308332043281360245)) AS only_one

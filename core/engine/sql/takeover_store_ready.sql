-- Whether the schema tenantmv stands in a store.
-- database: store
SELECT to_regclass('tenantmv.applied') IS NOT NULL AND to_regprocedure('tenantmv.guard_truncate()') IS NOT NULL

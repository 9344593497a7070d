-- Whether our schema stands in a store, and in which version: the fence and version tables by name, NULL when missing.
-- database: store
SELECT to_regclass('tenantmv.store_version') IS NOT NULL, to_regclass('tenantmv.fence') IS NOT NULL

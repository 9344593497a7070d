-- Version of our schema in a store.
-- database: store
SELECT version FROM tenantmv.store_version

-- The target holds everything again that a repair has removed. In a transaction that holds the applied row FOR UPDATE.
-- database: target
-- $1 uuid: migration
DELETE FROM tenantmv.repair r WHERE r.migration_id = $1::uuid

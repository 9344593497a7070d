-- The dialog was closed.
-- database: control
-- $1 uuid: id of the dialog
WITH gone AS (DELETE FROM tenantmv.dialog WHERE id = $1::uuid RETURNING migration_id)
SELECT pg_notify('tenantmv', migration_id::text) FROM gone

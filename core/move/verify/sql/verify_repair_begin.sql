-- A repair of the target begins: from now on no fence is armed for the migration. In a transaction that holds the applied row
-- FOR UPDATE. No row back: the fence is not closed.
-- database: target
-- $1 uuid: migration
-- $2 uuid: tenant
-- $3 regclass: events table
INSERT INTO tenantmv.repair AS r (migration_id)
SELECT $1::uuid FROM tenantmv.fence f
 WHERE f.tenant_id = $2::uuid AND f.events = $3::regclass AND f.migration_id = $1::uuid AND f.state = 'closed'
ON CONFLICT (migration_id) DO UPDATE SET began_at = excluded.began_at
RETURNING 1

-- Whether a repair of the target has begun and did not come to its end. In a transaction that holds the applied row the
-- answer stays true.
-- database: target
-- $1 uuid: migration
SELECT EXISTS (SELECT FROM tenantmv.repair r WHERE r.migration_id = $1::uuid)

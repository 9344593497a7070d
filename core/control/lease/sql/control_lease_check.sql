-- Whether the lease is ours; holds off a change of owner until the transaction ends.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid)

-- Takes a lease unless another engine is alive.
-- database: control
-- $1 uuid: tenant
-- $2 uuid: migration
-- $3 uuid: engine
-- $4 text: the engine's name
-- $5 bigint: silence in microseconds after which an owner counts as gone
SELECT taken, epoch, earlier::text FROM tenantmv.take_lease($1::uuid, $2::uuid, $3::uuid, $4::text, $5::bigint)

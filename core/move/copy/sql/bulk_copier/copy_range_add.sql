-- Records a chunk, in the transaction that copied it.
-- database: target
-- $1 uuid: migration
-- $2 bigint: positions above this
-- $3 bigint: up to and including this
-- $4 bigint: events
INSERT INTO tenantmv.copied_range (migration_id, low, high, events)
VALUES ($1::uuid, $2::bigint, $3::bigint, $4::bigint)

-- Moves the watermark, in the transaction that wrote the events.
-- database: target
-- $1 uuid: migration
-- $2 bigint: new watermark; NULL to leave it
-- $3 bigint: events written by this transaction
UPDATE tenantmv.applied
   SET watermark = greatest(watermark, coalesce($2::bigint, watermark)), events = events + $3::bigint,
       chain = sha256(chain || convert_to(format('%s:%s', coalesce($2::bigint, 0), $3::bigint), 'UTF8'))
 WHERE migration_id = $1::uuid

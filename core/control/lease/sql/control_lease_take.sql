-- Takes a lease unless another engine is alive, or one has had it since the caller lost it. No row, or not taken: leave it.
-- database: control
-- $1 uuid: tenant
-- $2 uuid: migration
-- $3 uuid: engine
-- $4 text: the engine's name
-- $5 bigint: silence in microseconds after which an owner counts as gone
-- $6 bigint: owner epoch that the caller had before; null when it comes new
-- $7 text: why its ownership ended then; null when it comes new
SELECT taken, epoch, unfinished
  FROM (SELECT $1::uuid AS tenant
         WHERE NOT EXISTS (SELECT FROM tenantmv.lease l WHERE l.tenant_id = $1::uuid AND l.owner_epoch > $6::bigint)
        OFFSET 0) AS go,
       LATERAL tenantmv.take_lease(go.tenant, $2::uuid, $3::uuid, $4::text, $5::bigint, $7::text)

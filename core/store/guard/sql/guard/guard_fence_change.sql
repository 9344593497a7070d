-- Changes the fence row from one state and epoch to another, if the engine still owns the migration here.
-- database: store
-- $1 uuid: tenant
-- $2 uuid: migration
-- $3 bigint: owner epoch
-- $4 text: state it must have
-- $5 bigint: placement epoch it must have; NULL for any
-- $6 text: new state
-- $7 bigint: new placement epoch; NULL to leave it
-- $8 regclass: events table
WITH owned AS (
    SELECT 1 FROM tenantmv.owner o
     WHERE o.tenant_id = $1::uuid AND o.events = $8::regclass AND o.migration_id = $2::uuid AND o.owner_epoch = $3::bigint FOR SHARE)
UPDATE tenantmv.fence f
   SET state = $6, placement_epoch = coalesce($7::bigint, f.placement_epoch),
       changed_at = clock_timestamp(), changed_xid = pg_current_xact_id()
  FROM owned
 WHERE f.tenant_id = $1::uuid AND f.events = $8::regclass AND f.state = $4 AND f.placement_epoch = coalesce($5::bigint, f.placement_epoch)
RETURNING f.placement_epoch

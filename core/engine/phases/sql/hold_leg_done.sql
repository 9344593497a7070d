-- The leg that keeps this store current comes to its end: nothing of it arrives from now on. In a transaction that checks, as
-- every batch does, whose it is.
-- database: source
-- $1 uuid: migration
-- $2 smallint: leg
-- $3 bigint: owner epoch
-- Gives: a row when the leg has ended, now or before; none: another engine owns it, or the tenant lives here.
UPDATE tenantmv.applied a SET state = 'done'
  FROM tenantmv.fence f
 WHERE a.migration_id = $1::uuid AND a.leg = $2::smallint AND a.owner_epoch = $3::bigint AND a.state IN ('mirroring', 'done')
   AND f.tenant_id = a.tenant_id AND f.events = a.events_table AND f.migration_id = a.migration_id AND f.state = 'moved'
RETURNING a.watermark

-- The history stands on the target: the tail may begin.
-- database: target
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- Gives: how many events the target has; no row when another engine owns it.
UPDATE tenantmv.applied a
   SET state = 'mirroring', watermark = greatest(a.watermark, a.copy_limit),
       events = (SELECT coalesce(sum(r.events), 0) FROM tenantmv.copied_range r WHERE r.migration_id = a.migration_id)
 WHERE a.migration_id = $1::uuid AND a.owner_epoch = $2::bigint AND a.leg = 1 AND a.state = 'copying'
RETURNING a.events

-- The end of the drain, in the target's transaction: the position sequence beyond every position of the source, and the fence
-- armed at an epoch that is new for this attempt. No row back: the fence was not closed, or another engine owns it.
-- database: target
-- script
SELECT setval({{sequence_literal}}, greatest({{value}}, last_value), true) FROM {{sequence}};
UPDATE tenantmv.fence f
   SET state = 'armed', placement_epoch = {{to_epoch}}, changed_at = clock_timestamp(), changed_xid = pg_current_xact_id()
 WHERE f.tenant_id = '{{tenant_id}}' AND f.state = 'closed'
   AND EXISTS (SELECT 1 FROM tenantmv.owner o WHERE o.tenant_id = f.tenant_id AND o.migration_id = {{migration}}
                                                AND o.owner_epoch = {{owner_epoch}})
RETURNING f.placement_epoch

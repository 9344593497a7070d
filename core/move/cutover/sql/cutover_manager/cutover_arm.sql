-- The end of the drain, sent with the commit of the target's transaction. Raises when the fence was not closed, another
-- engine owns it, or a repair of the target did not come to its end.
-- database: target
-- script
SELECT tenantmv.arm({{events_key}}, {{sequence_key}}, '{{tenant_id}}', {{migration}}, {{owner_epoch}}, {{to_epoch}}, {{value}})

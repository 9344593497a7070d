-- The point of decision: the fence. Its COMMIT is sent with it; if the function raises, the COMMIT does not run.
-- database: source
-- script
SELECT tenantmv.decide({{events_key}}, '{{tenant_id}}', {{migration}}, {{owner_epoch}}, {{from_epoch}}, {{to_epoch}},
                       {{store}}, {{back_leg}}, {{sequence_key}}, {{value}})

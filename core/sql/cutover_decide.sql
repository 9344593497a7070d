-- The point of decision: fence, and where control is this database routing, phase and audit. Its COMMIT is sent with it; if the
-- function raises, the COMMIT does not run.
-- database: source
-- script
SELECT tenantmv.decide({{tenant}}, {{migration}}, {{engine}}, {{owner_epoch}}, {{from_epoch}}, {{to_epoch}}, {{store}},
                       {{control_here}}, {{details}}, {{operator}})

-- Ends the transaction it is sent in when the brief facts are not what they were under {{brief}}: for the decision and for
-- the end of the drain, where they are sent along, so that they cost no round trip.
-- database: store
-- script
SELECT tenantmv.guard_must_hold({{events_oid}}, {{sequence_oid}}, '{{brief}}')

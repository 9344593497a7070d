-- Ends the transaction it is sent in when the facts are not read from the same rows as under {{glance}}: for the decision and
-- for the end of the drain, where it is sent along, so that it costs no round trip.
-- database: store
-- script
SELECT tenantmv.guard_must_hold({{events_oid}}, {{sequence_oid}}, '{{mark}}', '{{glance}}')

-- A digest of those facts that can change while the decision holds the events table.
-- database: store
SELECT tenantmv.guard_brief({{events_oid}}, {{sequence_oid}})

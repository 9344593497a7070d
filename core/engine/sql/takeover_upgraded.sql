-- What the facts of a tenant's own triggers were right before an upgrade replaced the functions of an older version, and
-- which version that was; no row when the guard was installed later.
-- database: store
-- $1 regclass: events table
-- $2 text: mark in the trigger names
SELECT u.digest, u.from_version FROM tenantmv.upgraded_guard u WHERE u.events = $1::regclass AND u.mark = $2

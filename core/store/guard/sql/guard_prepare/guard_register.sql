-- Enters an events table among those of this database that a guard watches. Doing it again changes nothing.
-- database: store
-- $1 regclass: events table
SELECT tenantmv.guard_register($1::regclass)

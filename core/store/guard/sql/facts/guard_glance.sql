-- Which versions of the catalogue's rows the facts are read from (see the function).
-- database: store
-- $1 oid: events table
-- $2 oid: position sequence
-- $3 text: mark in the trigger names
SELECT tenantmv.guard_glance($1::oid, $2::oid, $3::text)

-- Definitions of the CHECK constraints of the events table, as an array.
-- database: source
-- $1 oid: the events table
SELECT coalesce(array_agg(pg_get_constraintdef(oid)), '{}')::text, count(*)
FROM pg_constraint WHERE conrelid = $1::oid AND contype = 'c'

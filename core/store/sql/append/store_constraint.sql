-- What a unique index of the events table (or of a partition) is about, by its name.
-- Gives: whether the event id is one of its columns; whether the version is.
-- database: store
-- $1 oid: the events table
-- $2 text: the constraint that the server named
-- $3 text: the event id's column
-- $4 text: the version's column
SELECT coalesce(bool_or(a.attname = $3::name), false), coalesce(bool_or(a.attname = $4::name), false)
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE c.relname = $2::name AND i.indisunique
  AND (i.indrelid = $1::oid OR i.indrelid IN (SELECT relid FROM pg_partition_tree($1::oid::regclass)))

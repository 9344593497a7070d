-- Unique indexes of the events table but the primary key, as an array of name (columns).
-- database: store
-- $1 oid: the events table
SELECT coalesce(array_agg(format('%s %s', c.relname, substring(pg_get_indexdef(i.indexrelid) FROM 'USING .*'))), '{}')::text,
       count(*)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = $1::oid AND i.indisunique AND NOT i.indisprimary AND i.indisvalid

-- Foreign keys from and to the events table.
-- database: store
-- $1 oid: the events table
SELECT format('foreign keys: %s', string_agg(format('%s on %s', quote_ident(c.conname), c.conrelid::regclass), ', ')),
       'rows on the other side of a foreign key are not moved: bring them to the target first, or drop the key there'
FROM pg_constraint c
WHERE c.contype = 'f' AND c.conparentid = 0 AND (c.conrelid = $1::oid OR c.confrelid = $1::oid)
HAVING count(*) > 0

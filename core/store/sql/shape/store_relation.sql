-- The events table itself: oid and kind ("r" plain, "p" partitioned, anything else cannot be used).
-- database: store
-- $1 text: schema
-- $2 text: table
SELECT c.oid, c.relkind
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1::name AND c.relname = $2::name

-- Logical replication into or out of the events table.
-- database: store
-- $1 oid: the events table
-- $2 text: source or target
WITH tree AS (
    SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)
)
SELECT format('a subscription feeds %s', $1::oid::regclass),
       'its rows are written elsewhere first: move the tenant there, or drop the subscription', 'refuse'
FROM tree JOIN pg_subscription_rel s ON s.srrelid = tree.oid
HAVING count(*) > 0
UNION ALL
SELECT format('publications carry every copied event on: %s', string_agg(DISTINCT p.pubname::text, ', ')),
       'make sure that their subscribers expect the tenant''s history, or take the table out of the publication',
       'warn'
FROM tree JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_publication_tables p ON p.schemaname = n.nspname AND p.tablename = c.relname
WHERE $2::text = 'target'
HAVING count(*) > 0
LIMIT 1

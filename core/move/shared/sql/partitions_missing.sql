-- The source's partitions that this table lacks, parents first, each with the statement that makes it: an event for them would
-- stop the copy or the tail. None below a table that is partitioned another way, or takes everything else in a default
-- partition.
-- database: target
-- $1 oid: the events table
-- $2 jsonb: the source's partitions (partitions_list)
WITH RECURSIVE tree AS (
    SELECT c.oid, c.relname, '{}'::text[] AS path FROM pg_class c WHERE c.oid = $1::oid
    UNION ALL
    SELECT c.oid, c.relname, t.path || pg_get_expr(c.relpartbound, c.oid) COLLATE "default"
      FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid JOIN pg_class c ON c.oid = i.inhrelid),
source AS (
    SELECT '{}'::text[] AS path, NULL AS name, $2::jsonb->>'key' AS key
    UNION ALL
    SELECT ARRAY(SELECT jsonb_array_elements_text(p->'path')), p->>'name', p->>'key'
      FROM jsonb_array_elements($2::jsonb->'partitions') p),
missing AS (
    SELECT s.path, s.name, s.key, t.relname::text COLLATE "default" AS parent
      FROM source s JOIN tree t ON t.path = s.path[1:cardinality(s.path) - 1]
      JOIN pg_partitioned_table p ON p.partrelid = t.oid JOIN source above ON above.path = t.path
     WHERE s.name IS NOT NULL AND p.partdefid = 0 AND pg_get_partkeydef(t.oid) = above.key
       AND NOT EXISTS (SELECT FROM tree here WHERE here.path = s.path)
    UNION ALL
    SELECT s.path, s.name, s.key, m.name
      FROM source s JOIN missing m ON m.path = s.path[1:cardinality(s.path) - 1] AND s.name IS NOT NULL)
SELECT m.name,
       format('CREATE TABLE %I.%I PARTITION OF %I.%I %s%s;', n.nspname, m.name, n.nspname, m.parent, m.path[cardinality(m.path)],
              ' PARTITION BY ' || m.key)
  FROM missing m, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1::oid
 ORDER BY m.path

-- Statements that make the source's partitions that this table lacks. None when it is partitioned another way, or takes
-- everything else in a default partition.
-- database: target
-- $1 oid: the events table
-- $2 jsonb: the source's partitions (partitions_list)
SELECT format('CREATE TABLE %I.%I PARTITION OF %I.%I %s;', n.nspname, leaf->>'name', n.nspname, c.relname, leaf->>'bounds')
  FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
       jsonb_array_elements($2::jsonb->'leaves') leaf
 WHERE p.partrelid = $1::oid AND p.partdefid = 0 AND pg_get_partkeydef(p.partrelid) = $2::jsonb->>'key'
   AND leaf->>'bounds' NOT IN (SELECT pg_get_expr(l.relpartbound, l.oid) FROM pg_inherits i JOIN pg_class l ON l.oid = i.inhrelid
                                WHERE i.inhparent = $1::oid)
 ORDER BY leaf->>'bounds'

-- Partitions of the source that this table lacks, where both are partitioned the same way and none takes everything else: an
-- event for them would stop the copy or the tail until they are made.
-- database: target
-- $1 oid: the events table
-- $2 jsonb: the source's partitions (partitions_list)
SELECT format('the target lacks %s of the source''s partitions: %s', count(*), left(string_agg(m.name, ', '), 200)),
       string_agg(m.statement, ' ')
FROM (SELECT leaf->>'name' AS name,
             format('CREATE TABLE %I.%I PARTITION OF %I.%I %s;', n.nspname, leaf->>'name', n.nspname, c.relname,
                    leaf->>'bounds') AS statement
        FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
             jsonb_array_elements($2::jsonb->'leaves') leaf
       WHERE p.partrelid = $1::oid AND p.partdefid = 0 AND pg_get_partkeydef(p.partrelid) = $2::jsonb->>'key'
         AND leaf->>'bounds' NOT IN (SELECT pg_get_expr(l.relpartbound, l.oid)
                                       FROM pg_inherits i JOIN pg_class l ON l.oid = i.inhrelid WHERE i.inhparent = $1::oid)
       ORDER BY 1) m
HAVING count(*) > 0

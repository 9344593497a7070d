-- A partitioned target without a default partition: an event whose key fits no partition stops the copy.
-- database: target
-- $1 oid: the events table
SELECT format('%s has no default partition: an event that fits none of its partitions stops the copy',
              p.partrelid::regclass),
       format('CREATE TABLE %I.%I PARTITION OF %s DEFAULT;', n.nspname, c.relname || '_default', p.partrelid::regclass)
FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.partrelid = $1::oid AND p.partdefid = 0 AND p.partstrat IN ('r', 'l')

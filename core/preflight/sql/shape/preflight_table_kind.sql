-- What makes the events table something else than one plain or partitioned permanent table.
-- database: store
-- $1 oid: the events table
WITH tree AS (
    SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)
), wrong AS (
    SELECT format('%s inherits from %s', inhrelid::regclass, inhparent::regclass) AS what
    FROM pg_inherits WHERE inhrelid = $1::oid
    UNION ALL
    SELECT format('%s inherits from it', i.inhrelid::regclass)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent
    WHERE i.inhparent = $1::oid AND c.relkind <> 'p'
    UNION ALL
    SELECT format('partition %s is a foreign table', c.oid::regclass)
    FROM tree JOIN pg_class c USING (oid) WHERE c.relkind = 'f'
    UNION ALL
    SELECT format('%s is not logged: a crash empties it', c.oid::regclass)
    FROM tree JOIN pg_class c USING (oid) WHERE c.relpersistence <> 'p'
)
SELECT string_agg(what, '; '),
       'only one plain or partitioned, logged table is moved: attach partitions as local tables, end the '
           'inheritance (ALTER TABLE … NO INHERIT …), or ALTER TABLE … SET LOGGED'
FROM wrong
HAVING count(*) > 0

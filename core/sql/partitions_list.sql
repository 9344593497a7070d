-- The leaf partitions of an events table with their names and bounds, as JSON; only those directly below it, and how it is
-- partitioned.
-- database: source
-- $1 oid: the events table
SELECT jsonb_build_object('key', pg_get_partkeydef($1::oid), 'leaves', coalesce((
           SELECT jsonb_agg(jsonb_build_object('name', c.relname, 'bounds', pg_get_expr(c.relpartbound, c.oid))
                            ORDER BY c.oid)
             FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = $1::oid AND c.relispartition AND c.relkind = 'r'), '[]'))

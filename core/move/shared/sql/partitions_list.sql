-- All partitions below an events table, as JSON: of each its name and its parent's, the bounds on the way to it, and how it is
-- partitioned itself; and how the table is partitioned.
-- database: source
-- $1 oid: the events table
WITH RECURSIVE tree AS (
    SELECT c.oid, c.relname, NULL::name AS parent, ARRAY[pg_get_expr(c.relpartbound, c.oid)] AS path
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = $1::oid AND c.relispartition AND c.relkind IN ('r', 'p')
    UNION ALL
    SELECT c.oid, c.relname, t.relname, t.path || pg_get_expr(c.relpartbound, c.oid)
      FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid JOIN pg_class c ON c.oid = i.inhrelid
     WHERE c.relispartition AND c.relkind IN ('r', 'p'))
SELECT jsonb_build_object('key', pg_get_partkeydef($1::oid), 'partitions', coalesce(
           jsonb_agg(jsonb_build_object('name', t.relname, 'parent', t.parent, 'path', t.path, 'key', pg_get_partkeydef(t.oid))
                     ORDER BY t.path), '[]'))
  FROM tree t

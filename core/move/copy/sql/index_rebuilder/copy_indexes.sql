-- Indexes of a plain table that can be dropped while its history is copied and put back as they were: valid ones on
-- which nothing else depends (foreign keys, views), that are no replica identity, and not the primary key of a table
-- that may be published. Each with the statements that drop it and bring it back. They are built in this order: the widest
-- first, so that the builders end at about the same time.
-- database: target
-- $1 oid: the table
WITH droppable AS (
    SELECT i.oid, i.relname, n.nspname, x.indnatts, x.indisprimary, x.indisclustered, c.oid AS con, c.conname, c.condeferrable,
           c.condeferred, coalesce(s.spcname, '') AS tablespace, format('%I.%I', tn.nspname, t.relname) AS on_table
    FROM pg_index x
    JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_namespace n ON n.oid = i.relnamespace
    JOIN pg_class t ON t.oid = x.indrelid
    JOIN pg_namespace tn ON tn.oid = t.relnamespace
    LEFT JOIN pg_tablespace s ON s.oid = i.reltablespace
    LEFT JOIN pg_constraint c ON c.conindid = i.oid AND c.conrelid = x.indrelid AND c.contype IN ('p', 'u')
    WHERE x.indrelid = $1::oid AND t.relkind = 'r' AND NOT t.relispartition
      AND x.indisvalid AND x.indisready AND NOT x.indisexclusion AND NOT x.indisreplident
      AND NOT (x.indisprimary AND EXISTS (SELECT FROM pg_publication))
      AND NOT EXISTS ( -- what is internal to it (its own index, the trigger of a deferrable one) goes and comes with it
          SELECT FROM pg_depend d
          WHERE d.deptype <> 'i'
            AND (d.refclassid = 'pg_class'::regclass AND d.refobjid = i.oid
                 OR d.refclassid = 'pg_constraint'::regclass AND d.refobjid = c.oid))
)
SELECT d.relname,
       d.conname IS NOT NULL AS is_constraint,
       regexp_replace(pg_get_indexdef(d.oid), '^CREATE (UNIQUE )?INDEX ', 'CREATE \1INDEX IF NOT EXISTS ') AS build,
       d.tablespace,
       CASE WHEN d.conname IS NULL THEN ''
            ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s USING INDEX %I%s%s', d.on_table, d.conname,
                        CASE WHEN d.indisprimary THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, d.relname,
                        CASE WHEN d.condeferrable THEN ' DEFERRABLE' ELSE '' END,
                        CASE WHEN d.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END) END AS attach,
       concat_ws('; ',
                 'COMMENT ON INDEX ' || format('%I.%I', d.nspname, d.relname) || ' IS '
                     || quote_literal(obj_description(d.oid, 'pg_class')),
                 'COMMENT ON CONSTRAINT ' || quote_ident(d.conname) || ' ON ' || d.on_table || ' IS '
                     || quote_literal(obj_description(d.con, 'pg_constraint')),
                 (SELECT string_agg(format('ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS %s', d.nspname, d.relname,
                                           a.attnum, a.attstattarget), '; ')
                  FROM pg_attribute a WHERE a.attrelid = d.oid AND a.attstattarget >= 0),
                 CASE WHEN d.indisclustered THEN format('ALTER TABLE %s CLUSTER ON %I', d.on_table, d.relname) END
       ) AS finish,
       CASE WHEN d.conname IS NOT NULL THEN format('ALTER TABLE %s DROP CONSTRAINT %I', d.on_table, d.conname)
            ELSE format('DROP INDEX %I.%I', d.nspname, d.relname) END AS remove
FROM droppable d
ORDER BY d.indnatts DESC, d.oid

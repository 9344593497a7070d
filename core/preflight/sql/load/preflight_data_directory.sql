-- Where the target keeps the table's files, as far as the role may know.
-- database: target
-- $1 oid: the events table
SELECT coalesce(nullif(pg_tablespace_location(coalesce(nullif(c.reltablespace, 0), d.dattablespace)), ''),
                (SELECT setting FROM pg_settings WHERE name = 'data_directory'), '')
FROM pg_class c, pg_database d
WHERE c.oid = $1::oid AND d.datname = current_database()

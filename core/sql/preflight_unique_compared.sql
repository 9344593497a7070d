-- Unique indexes compared: applications tell a lost race from a duplicate by the name of the violated one.
-- database: target
-- $1 oid: the events table
-- $2 text[]: the source's, "name USING btree (columns)"
WITH here AS (
    SELECT c.relname::text AS name,
           format('%s %s', c.relname, substring(pg_get_indexdef(i.indexrelid) FROM 'USING .*')) AS whole
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = $1::oid AND i.indisunique AND NOT i.indisprimary AND i.indisvalid
), there AS (
    SELECT whole, split_part(whole, ' USING ', 1) AS name, split_part(whole, ' USING ', 2) AS using_
    FROM unnest($2::text[]) whole
)
SELECT format('the target lacks unique %s', string_agg(there.whole, ', ')),
       string_agg(format('CREATE UNIQUE INDEX %I ON %s USING %s;', there.name, $1::oid::regclass, there.using_), ' '),
       'refuse'
FROM there WHERE there.name NOT IN (SELECT name FROM here)
HAVING count(*) > 0
UNION ALL
SELECT format('unique on the target but not so on the source: %s', string_agg(here.whole, ', ')),
       'an event that violates it stops the copy: make both sides alike, or make sure that it holds', 'warn'
FROM here WHERE here.whole NOT IN (SELECT whole FROM there)
HAVING count(*) > 0
LIMIT 1

-- Before history is filled in: keeps the definitions of the secondary indexes and drops them, which makes filling
-- several times faster. seed_end.sql puts them back.
-- database: store
-- script
CREATE TABLE public.demo_index AS
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index AS i
WHERE i.indrelid = 'public.events'::regclass
  AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid);
SELECT format('DROP INDEX %s', name) FROM public.demo_index \gexec

-- Names of the users' enabled triggers on the events table, as an array.
-- database: source
-- $1 oid: the events table
SELECT coalesce(array_agg(t.tgname::text ORDER BY t.tgname), '{}')::text, count(*)
FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE t.tgrelid = $1::oid AND NOT t.tgisinternal AND t.tgenabled <> 'D'
  AND p.pronamespace IS DISTINCT FROM (SELECT oid FROM pg_namespace WHERE nspname = 'tenantmv')

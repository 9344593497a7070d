-- Triggers of others on the source that would fire for every event that is carried back; those before the row may change or
-- drop it.
-- database: source
-- $1 oid: the events table
SELECT format('triggers of the source would fire for every event that is carried back: %s',
              string_agg(DISTINCT format('%I (%s)', t.tgname, CASE WHEN (t.tgtype & 2) <> 0 THEN 'BEFORE' ELSE 'AFTER' END), ', ')),
       'what they do for an event is done in both stores: make them pass sessions whose application_name begins with tenantmv/ '
           || 'unless that is wanted; one that changes or drops the event stops the way back'
FROM (SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)) tree
JOIN pg_trigger t ON t.tgrelid = tree.oid
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE (t.tgtype & 4) <> 0 AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
  AND p.pronamespace IS DISTINCT FROM (SELECT oid FROM pg_namespace WHERE nspname = 'tenantmv')
HAVING count(*) > 0

-- Triggers on the target that would fire for every copied event; those before the row may change or drop it.
-- database: target
-- $1 oid: the events table
SELECT format('triggers would fire for every copied event: %s', string_agg(DISTINCT quote_ident(t.tgname), ', ')),
       'disable them until the cutover, or make them pass sessions whose application_name begins with tenantmv/: '
           || string_agg(DISTINCT format('ALTER TABLE %s DISABLE TRIGGER %I;', t.tgrelid::regclass, t.tgname), ' '),
       CASE WHEN bool_or((t.tgtype & 3) = 3) THEN 'refuse' ELSE 'warn' END
FROM (SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)) tree
JOIN pg_trigger t ON t.tgrelid = tree.oid
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE (t.tgtype & 4) <> 0 AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
  AND p.pronamespace IS DISTINCT FROM (SELECT oid FROM pg_namespace WHERE nspname = 'tenantmv')
HAVING count(*) > 0

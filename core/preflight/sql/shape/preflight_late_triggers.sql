-- Row triggers that fire after the guard, so that they could change the tenant behind its back.
-- database: store
-- $1 oid: the events table
SELECT format('trigger %s fires after the guard and could change the row behind it',
              string_agg(DISTINCT quote_ident(t.tgname), ', ')),
       string_agg(DISTINCT format('ALTER TRIGGER %I ON %s RENAME TO %I;', t.tgname, t.tgrelid::regclass,
                                  ltrim(t.tgname, '~')), ' ')
FROM (SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)) tree
JOIN pg_trigger t ON t.tgrelid = tree.oid
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE (t.tgtype & 3) = 3 AND t.tgenabled <> 'D' AND t.tgname::text COLLATE "C" > '~tenantmv'
  AND p.pronamespace IS DISTINCT FROM (SELECT oid FROM pg_namespace WHERE nspname = 'tenantmv')
HAVING count(*) > 0

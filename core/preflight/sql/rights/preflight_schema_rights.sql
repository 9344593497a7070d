-- Whether the role may create, or owns, everything of the schema tenantmv.
-- database: store
WITH mine AS (
    SELECT n.oid, n.nspowner FROM pg_namespace n WHERE n.nspname = 'tenantmv'
), foreign_owner AS (
    SELECT nspowner AS owner FROM mine
    UNION SELECT relowner FROM pg_class c JOIN mine ON mine.oid = c.relnamespace
    UNION SELECT proowner FROM pg_proc p JOIN mine ON mine.oid = p.pronamespace
)
SELECT format('%s may not create the schema tenantmv in %s', current_user, current_database()),
       format('GRANT CREATE ON DATABASE %I TO %I;', current_database(), current_user)
WHERE NOT EXISTS (SELECT FROM mine) AND NOT has_database_privilege(current_database(), 'CREATE')
UNION ALL
SELECT format('the schema tenantmv, or something in it, belongs to %s', string_agg(r.rolname, ', ')),
       string_agg(format('GRANT %I TO %I;', r.rolname, current_user), ' ')
FROM foreign_owner f JOIN pg_roles r ON r.oid = f.owner
WHERE NOT pg_has_role(current_user, f.owner, 'USAGE')
HAVING count(*) > 0

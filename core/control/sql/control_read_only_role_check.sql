-- In which ways a role can still change something: one sentence each, no row when it cannot.
-- database: control
-- $1 text: name of the role
SELECT 'it is a superuser' FROM pg_catalog.pg_roles WHERE rolname = $1::text AND rolsuper
UNION ALL
SELECT 'it may create roles' FROM pg_catalog.pg_roles WHERE rolname = $1::text AND rolcreaterole
UNION ALL
SELECT format('it may write %s', c.oid::regclass) FROM pg_catalog.pg_class c
 WHERE CASE WHEN c.relkind IN ('r', 'p', 'v')
            THEN has_table_privilege($1::text, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') END
   AND (c.relnamespace = 'tenantmv'::regnamespace
        OR c.oid IN ('public.tenant_migrations'::regclass, 'public.tenant_routing'::regclass,
                     'public.migration_position_mappings'::regclass, 'public.migration_audit_log'::regclass))
UNION ALL
SELECT format('it may use the sequence %s', c.oid::regclass) FROM pg_catalog.pg_class c
 WHERE c.relnamespace = 'tenantmv'::regnamespace
   AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege($1::text, c.oid, 'USAGE, UPDATE') END
UNION ALL
SELECT format('it may call %s with its owner''s rights', p.oid::regprocedure) FROM pg_catalog.pg_proc p
 WHERE p.pronamespace = 'tenantmv'::regnamespace AND p.prosecdef
   AND has_function_privilege($1::text, p.oid, 'EXECUTE')
UNION ALL
SELECT 'it may create objects in the schema tenantmv' WHERE has_schema_privilege($1::text, 'tenantmv', 'CREATE')

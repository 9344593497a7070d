-- A role that may read the control database and nothing else; one that is there keeps its password and memberships.
-- database: control
-- script
DO $role$
DECLARE
    v_function regprocedure;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {{role_literal}}) THEN
        CREATE ROLE {{role}} LOGIN;
    END IF;
    -- a function that acts with its owner's rights is a way to write, and by default everybody's
    FOR v_function IN
        SELECT p.oid::regprocedure FROM pg_catalog.pg_proc p
         WHERE p.pronamespace = 'tenantmv'::regnamespace AND p.prosecdef
           AND has_function_privilege('public', p.oid, 'EXECUTE') -- a row that changes is a fact that changes
           AND pg_has_role(current_user, p.proowner, 'MEMBER')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', v_function);
    END LOOP;
    -- tables of a later version of the schema, which their owner will make, whoever runs this
    EXECUTE (SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %s IN SCHEMA tenantmv GRANT SELECT ON TABLES TO %I',
                           c.relowner::regrole, {{role_literal}})
               FROM pg_catalog.pg_class c WHERE c.oid = 'tenantmv.store'::regclass);
END
$role$;
REVOKE ALL ON ALL TABLES IN SCHEMA tenantmv FROM {{role}};
REVOKE ALL ON ALL SEQUENCES IN SCHEMA tenantmv FROM {{role}};
REVOKE ALL ON public.tenant_migrations, public.tenant_routing, public.migration_position_mappings,
    public.migration_audit_log FROM {{role}};
GRANT CONNECT ON DATABASE {{database}} TO {{role}};
GRANT USAGE ON SCHEMA public, tenantmv TO {{role}};
GRANT SELECT ON ALL TABLES IN SCHEMA tenantmv TO {{role}};
GRANT SELECT ON public.tenant_migrations, public.tenant_routing, public.migration_position_mappings,
    public.migration_audit_log TO {{role}};
ALTER ROLE {{role}} IN DATABASE {{database}} SET default_transaction_read_only = on

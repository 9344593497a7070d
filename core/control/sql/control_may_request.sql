-- Who this session is, and whether it may ask for anything: a role for watching may not. True where there is no such
-- table: then something else is wrong.
-- database: control
SELECT current_user::text,
       coalesce((SELECT has_any_column_privilege(c.oid, 'INSERT')
                   FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                  WHERE n.nspname = 'tenantmv' AND c.relname = 'command'), true)

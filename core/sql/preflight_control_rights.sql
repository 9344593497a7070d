-- What the role lacks in the control database, and the GRANT for each object; nothing when it can do all that an engine does.
-- database: control
WITH tables AS (
    SELECT c.oid, c.relkind, format('%I.%I', n.nspname, c.relname) AS name
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE (n.nspname = 'tenantmv' AND c.relkind IN ('r', 'p', 'S'))
        OR (n.nspname = 'public'
            AND c.relname IN ('tenant_migrations', 'tenant_routing', 'migration_position_mappings', 'migration_audit_log',
                              'migration_position_mappings_id_seq', 'migration_audit_log_id_seq'))
),
lacking AS (
    SELECT t.name, CASE WHEN t.relkind = 'S' THEN 'SEQUENCE ' ELSE '' END AS kind,
           string_agg(r.word, ', ' ORDER BY r.number) AS words
      FROM tables t, unnest(CASE WHEN t.relkind = 'S' THEN ARRAY['USAGE']
                                 ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] END) WITH ORDINALITY AS r (word, number)
     WHERE NOT CASE WHEN t.relkind = 'S' THEN has_sequence_privilege(t.oid, r.word)
                    ELSE has_table_privilege(t.oid, r.word) END
     GROUP BY t.oid, t.relkind, t.name
    UNION ALL
    SELECT p.oid::regprocedure::text, 'FUNCTION ', 'EXECUTE' FROM pg_proc p
     WHERE p.pronamespace = to_regnamespace('tenantmv') AND p.prorettype <> 'trigger'::regtype
       AND NOT has_function_privilege(p.oid, 'EXECUTE')
),
grants AS (
    SELECT count(*) AS number, min(name) AS name,
           format('GRANT %s ON %s%s TO %I;', words, kind, string_agg(name, ', ' ORDER BY name), current_user) AS remedy
      FROM lacking GROUP BY words, kind
)
SELECT format('%s lacks rights in the control database, on %s%s', current_user, min(name),
              CASE WHEN sum(number) > 1 THEN format(' and %s more', sum(number) - 1) ELSE '' END),
       string_agg(remedy, ' ' ORDER BY remedy)
  FROM grants HAVING count(*) > 0

-- What this session's role may do in the control database, by what the catalogue says: a row for each kind of right that
-- an engine needs and the role lacks, with the GRANT; no row when it lacks nothing.
-- database: control
WITH needs (schema, name, words) AS (
    VALUES ('public', 'tenant_migrations', 'SELECT, UPDATE'),
           ('public', 'tenant_routing', 'SELECT, INSERT, UPDATE'),
           ('public', 'migration_position_mappings', 'SELECT, INSERT'),
           ('public', 'migration_audit_log', 'SELECT, INSERT'),
           ('tenantmv', 'control_version', 'SELECT'),
           ('tenantmv', 'store', 'SELECT'),
           ('tenantmv', 'lease', 'SELECT, INSERT, UPDATE'),
           ('tenantmv', 'migration_state', 'SELECT, INSERT, UPDATE'),
           ('tenantmv', 'sample', 'SELECT, INSERT, DELETE'),
           ('tenantmv', 'command', 'SELECT, INSERT, UPDATE'),
           ('tenantmv', 'cutover_attempt', 'SELECT, INSERT, UPDATE'),
           ('tenantmv', 'verification', 'SELECT, INSERT'),
           ('tenantmv', 'proof', 'SELECT, INSERT, UPDATE'),
           ('tenantmv', 'ledger', 'SELECT, INSERT, UPDATE')
),
lacking AS (
    SELECT 'SCHEMA ' AS kind, 'USAGE' AS words, quote_ident(n.nspname) AS name
      FROM pg_catalog.pg_namespace n
     WHERE n.nspname IN ('public', 'tenantmv') AND NOT has_schema_privilege(n.oid, 'USAGE')
    UNION ALL
    SELECT '', string_agg(r.word, ', ' ORDER BY r.number), format('%I.%I', needs.schema, needs.name)
      FROM needs
      JOIN pg_catalog.pg_namespace n ON n.nspname = needs.schema
      JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = needs.name
     CROSS JOIN LATERAL unnest(string_to_array(needs.words, ', ')) WITH ORDINALITY AS r (word, number)
     WHERE NOT has_table_privilege(c.oid, r.word)
     GROUP BY needs.schema, needs.name
)
SELECT words || ' on ' || min(name) || CASE WHEN count(*) > 1 THEN format(' and %s more', count(*) - 1) ELSE '' END,
       format('GRANT %s ON %s%s TO %I;', words, kind, string_agg(name, ', ' ORDER BY name), current_user)
  FROM lacking
 GROUP BY kind, words
 ORDER BY kind DESC, words

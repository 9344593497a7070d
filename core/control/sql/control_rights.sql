-- What this session's role lacks in the control database of all that an engine and its console do there, by what the
-- catalogue says: a row for each kind of right, with the GRANT; no row when it lacks nothing. The guide lists the same rights.
-- Identity columns need none on their sequence, and firing a trigger none on its function.
-- database: control
WITH needs (names, words) AS (
    VALUES ('tenantmv.control_version public.migration_position_mappings', 'SELECT'),
           ('tenantmv.registry_audit', 'INSERT'),  -- a store's first contact
           ('tenantmv.store', 'SELECT, UPDATE'),
           ('public.migration_audit_log tenantmv.audit_chain tenantmv.verification', 'SELECT, INSERT'),
           ('public.tenant_migrations public.tenant_routing tenantmv.audit_head tenantmv.command tenantmv.cutover_attempt '
            'tenantmv.lease tenantmv.ledger tenantmv.migration_state tenantmv.proof', 'SELECT, INSERT, UPDATE'),
           ('tenantmv.sample', 'SELECT, INSERT, DELETE'),
           ('tenantmv.dialog tenantmv.store_observation', 'SELECT, INSERT, UPDATE, DELETE')
),
calls (name) AS (
    SELECT unnest(ARRAY['abort_foreign', 'audit_append', 'audit_canonical', 'audit_verify', 'change_phase', 'close_attempt',
                        'complete_cutover', 'expiry_told', 'follow_decision', 'gates_at', 'has_expired', 'last_sign', 'lease_left', 'owns',
                        'queue_place', 'record_completion', 'start_migration', 'take_back', 'take_lease'])
),
tables AS (
    SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, needs.words
      FROM needs
     CROSS JOIN LATERAL unnest(string_to_array(needs.names, ' ')) AS listed (name)
      JOIN pg_catalog.pg_namespace n ON n.nspname = split_part(listed.name, '.', 1)
      JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = split_part(listed.name, '.', 2)
),
lacking AS (
    SELECT 'SCHEMA ' AS kind, 'USAGE' AS words, quote_ident(n.nspname) AS name
      FROM pg_catalog.pg_namespace n
     WHERE n.nspname IN ('public', 'tenantmv') AND NOT has_schema_privilege(n.oid, 'USAGE')
    UNION ALL
    SELECT '', string_agg(r.word, ', ' ORDER BY r.number), t.name
      FROM tables t
     CROSS JOIN LATERAL unnest(string_to_array(t.words, ', ')) WITH ORDINALITY AS r (word, number)
     WHERE NOT has_table_privilege(t.oid, r.word)
     GROUP BY t.oid, t.name
    UNION ALL
    SELECT 'SEQUENCE ', 'USAGE', format('%I.%I', n.nspname, s.relname)
      FROM tables t
      JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.deptype = 'a'
       AND d.classid = 'pg_class'::regclass
      JOIN pg_catalog.pg_class s ON s.oid = d.objid
      JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
     WHERE t.words LIKE '%INSERT%' AND CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE') ELSE false END
    UNION ALL
    SELECT 'FUNCTION ', 'EXECUTE', p.oid::regprocedure::text
      FROM calls
      JOIN pg_catalog.pg_proc p ON p.proname = calls.name
      JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'tenantmv'
     WHERE NOT has_function_privilege(p.oid, 'EXECUTE')
)
SELECT words || ' on ' || min(name) || CASE WHEN count(*) > 1 THEN format(' and %s more', count(*) - 1) ELSE '' END,
       format('GRANT %s ON %s%s TO %I;', words, kind, string_agg(name, ', ' ORDER BY name), current_user)
  FROM lacking
 GROUP BY kind, words
 ORDER BY kind DESC, words

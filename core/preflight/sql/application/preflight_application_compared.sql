-- What the applications use beside the events on the source and would miss on the target: a table, one of its columns, or a
-- writer's right. (A writer that the target does not know is the business of the check "writers".)
-- database: target
-- $1 text: the events table's schema here
-- $2 jsonb: the source's tables, as preflight_application_tables gives them
-- $3 text[]: tables that the application does without
-- $4 text: the events table's schema there
WITH there AS (
    SELECT t.name, t.columns, t.grants, c.oid AS here
    FROM jsonb_to_recordset($2::jsonb) AS t (name text, columns jsonb, grants jsonb)
    LEFT JOIN pg_namespace n ON n.nspname = $1::text
    LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.name AND c.relkind IN ('r', 'p', 'v', 'f')
    WHERE NOT t.name = ANY ($3::text[])
), missing (ord, what, todo) AS (
    SELECT 1, format('table %s', t.name),
           format('pg_dump --schema-only --table %I.%I SOURCE | psql TARGET', $4::text, t.name)
    FROM there t WHERE t.here IS NULL
    UNION ALL
    SELECT 2, format('column %s of %s', used.attribute, t.name),
           format('ALTER TABLE %I.%I ADD COLUMN %I …;', $1::text, t.name, used.attribute)
    FROM there t CROSS JOIN LATERAL jsonb_array_elements_text(t.columns) AS used (attribute)
    WHERE t.here IS NOT NULL
      AND NOT EXISTS (SELECT FROM pg_attribute a
                      WHERE a.attrelid = t.here AND a.attname = used.attribute AND a.attnum > 0 AND NOT a.attisdropped)
    UNION ALL
    SELECT 3, format('%s on %s for %s', string_agg(g.privilege, ', ' ORDER BY g.privilege), t.name, g.role),
           format('GRANT %s ON %I.%I TO %I;', string_agg(g.privilege, ', ' ORDER BY g.privilege), $1::text, t.name, g.role)
    FROM there t CROSS JOIN LATERAL jsonb_to_recordset(t.grants) AS g (role text, privilege text)
    JOIN pg_roles r ON r.rolname = g.role
    WHERE t.here IS NOT NULL AND NOT has_table_privilege(r.oid, t.here, g.privilege)
    GROUP BY t.name, g.role
    UNION ALL
    SELECT 4, format('USAGE on the sequence of %s for %s', t.name, r.rolname),
           format('GRANT USAGE ON SEQUENCE %s TO %I;', s.oid::regclass, r.rolname)
    FROM there t
    CROSS JOIN LATERAL jsonb_to_recordset(t.grants) AS g (role text, privilege text)
    JOIN pg_roles r ON r.rolname = g.role AND g.privilege = 'INSERT'
    JOIN pg_depend d ON d.refobjid = t.here AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_class'::regclass
                    AND d.deptype = 'a'
    JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    WHERE NOT has_sequence_privilege(r.oid, s.oid, 'USAGE')
)
SELECT format('the application uses on the source, and would miss on the target: %s', string_agg(what, '; ' ORDER BY ord, what)),
       string_agg(todo, ' ' ORDER BY ord, what)
           || ' Or, if the application does without: --without-table NAME'
FROM missing
HAVING count(*) > 0

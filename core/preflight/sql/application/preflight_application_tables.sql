-- The tables beside the events that eventsource-py's applications use, as far as the source has them, as a jsonb array: the
-- table's name, its columns, and what each writer may do with it and with the sequences that it owns.
-- database: source
-- $1 text: the events table's schema
-- $2 text[]: names to look for
-- $3 text[]: the writers' roles
SELECT coalesce(jsonb_agg(jsonb_build_object(
           'name', c.relname,
           'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
                       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
           'grants', (SELECT coalesce(jsonb_agg(jsonb_build_object('role', r.rolname, 'privilege', p)), '[]')
                      FROM pg_roles r, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p
                      WHERE r.rolname = ANY ($3::text[]) AND has_table_privilege(r.oid, c.oid, p)))
           ORDER BY c.relname), '[]')::text,
       count(*)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1::text AND c.relname = ANY ($2::text[]) AND c.relkind IN ('r', 'p', 'v', 'f')

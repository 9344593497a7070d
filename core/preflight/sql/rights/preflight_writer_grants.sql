-- What the writers' roles lack on the target; without it their writes fail with 42501 after the switch.
-- database: target
-- $1 oid: the events table
-- $2 text[]: the roles
-- $3 text: the sequence, quoted and qualified
WITH writer AS (
    SELECT r.oid, r.rolname FROM pg_roles r WHERE r.rolname = ANY ($2::text[]) AND NOT r.rolsuper
), missing AS (
    SELECT rolname, format('CONNECT ON DATABASE %I', current_database()) AS what FROM writer
    WHERE NOT has_database_privilege(oid, current_database(), 'CONNECT')
    UNION ALL
    SELECT rolname, format('USAGE ON SCHEMA %I', n.nspname) FROM writer, pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = $1::oid AND NOT has_schema_privilege(writer.oid, n.oid, 'USAGE')
    UNION ALL
    SELECT rolname, format('SELECT, INSERT ON %s', $1::oid::regclass) FROM writer
    WHERE NOT has_any_column_privilege(oid, $1::oid, 'INSERT')
       OR NOT has_any_column_privilege(oid, $1::oid, 'SELECT')
    UNION ALL
    SELECT rolname, format('USAGE ON SEQUENCE %s', $3::text) FROM writer
    WHERE $3::text <> '' AND NOT has_sequence_privilege(oid, to_regclass($3::text)::oid, 'USAGE')
), absent AS (
    SELECT name FROM unnest($2::text[]) name
    WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = name)
)
SELECT format('writers of the source may not write here: %s lack %s',
              string_agg(DISTINCT rolname, ', '), string_agg(DISTINCT what, '; ')),
       string_agg(format('GRANT %s TO %I;', what, rolname), ' '), 'refuse'
FROM missing
HAVING count(*) > 0
UNION ALL
SELECT format('roles that write to the source do not exist here: %s', string_agg(name, ', ')),
       'create them here with the same rights, unless their applications reach this store as another role: '
           || string_agg(format('CREATE ROLE %I LOGIN;', name), ' '), 'warn'
FROM absent
HAVING count(*) > 0
LIMIT 1

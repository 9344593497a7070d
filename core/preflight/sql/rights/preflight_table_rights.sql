-- Privileges on the events table and its schema that the role lacks.
-- database: store
-- $1 oid: the events table
-- $2 text: privileges needed on the table, separated by commas
-- $3 text: privileges needed on its schema, separated by commas
WITH missing AS (
    SELECT p AS privilege, 'TABLE' AS kind, $1::oid::regclass::text AS name, 1 AS place
    FROM unnest(string_to_array($2::text, ',')) p
    WHERE NOT has_table_privilege($1::oid, p)
    UNION ALL
    SELECT p, 'SCHEMA', quote_ident(n.nspname), 2
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN unnest(string_to_array($3::text, ',')) p
    WHERE c.oid = $1::oid AND NOT has_schema_privilege(n.oid, p)
), grants AS (
    SELECT place, kind, name, string_agg(privilege, ', ') AS privileges FROM missing GROUP BY 1, 2, 3
)
SELECT format('%s lacks %s', current_user,
              string_agg(format('%s on %s %s', privileges, lower(kind), name), ', ' ORDER BY place)),
       string_agg(format('GRANT %s ON %s %s TO %I;', privileges, kind, name, current_user), ' ' ORDER BY place)
FROM grants
HAVING count(*) > 0

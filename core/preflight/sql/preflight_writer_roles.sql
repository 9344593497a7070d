-- Roles that can log in and insert events into the source, as an array; not superusers, not the engine's own role.
-- database: source
-- $1 oid: the events table
SELECT coalesce(array_agg(rolname::text), '{}')::text, count(*)
FROM (SELECT r.rolname
      FROM pg_roles r
      WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> current_user
        AND has_any_column_privilege(r.oid, $1::oid, 'INSERT')
      ORDER BY r.rolname LIMIT 200) w

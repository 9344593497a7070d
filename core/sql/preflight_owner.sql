-- Tables of the events tree whose owner the role cannot act as; ENABLE ALWAYS needs the owner.
-- database: store
-- $1 oid: the events table
WITH tree AS (
    SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)
), others AS (
    SELECT DISTINCT r.oid, r.rolname, r.rolsuper
    FROM tree JOIN pg_class c USING (oid) JOIN pg_roles r ON r.oid = c.relowner
    WHERE NOT pg_has_role(current_user, c.relowner, 'USAGE')
)
SELECT format('%s belongs to %s, and %s is not a member of that role', $1::oid::regclass,
              string_agg(rolname, ', '), current_user),
       string_agg(CASE WHEN rolsuper
                       THEN format('ALTER TABLE %s OWNER TO %I;', $1::oid::regclass, current_user)
                       ELSE format('GRANT %I TO %I;', rolname, current_user) END, ' ')
FROM others
HAVING count(*) > 0

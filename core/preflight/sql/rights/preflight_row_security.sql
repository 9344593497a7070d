-- Tables of the events tree whose rows row-level security would hide from the role.
-- database: store
-- $1 oid: the events table
SELECT format('row-level security hides rows of %s from %s', string_agg(c.oid::regclass::text, ', '), current_user),
       format('ALTER ROLE %I BYPASSRLS;', current_user)
FROM (SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)) tree
JOIN pg_class c USING (oid)
WHERE row_security_active(c.oid)
HAVING count(*) > 0

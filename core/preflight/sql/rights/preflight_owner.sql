-- Tables of the events tree, partitions too, whose owner the role cannot act as; ENABLE ALWAYS needs the owner. Names each
-- table, because the owner of a partition need not be that of its parent.
-- database: store
-- $1 oid: the events table
WITH tree AS (
    SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)
), others AS (
    SELECT c.oid::regclass AS relation, r.rolname, r.rolsuper
    FROM tree JOIN pg_class c USING (oid) JOIN pg_roles r ON r.oid = c.relowner
    WHERE NOT pg_has_role(current_user, c.relowner, 'USAGE')
), grouped AS (
    SELECT rolname, rolsuper, count(*) AS tables, (array_agg(relation ORDER BY relation))[1:5] AS sample,
           string_agg(format('ALTER TABLE %s OWNER TO %I;', relation, current_user), ' ' ORDER BY relation) AS take_over
    FROM others GROUP BY rolname, rolsuper
)
SELECT format('%s, and %s is not a member of that role',
              string_agg(format('%s%s belong%s to %s', array_to_string(sample, ', '),
                                CASE WHEN tables > 5 THEN format(' and %s more', tables - 5) ELSE '' END,
                                CASE WHEN tables > 1 THEN '' ELSE 's' END, rolname), '; ' ORDER BY rolname),
              current_user),
       string_agg(CASE WHEN rolsuper THEN take_over ELSE format('GRANT %I TO %I;', rolname, current_user) END, ' '
                  ORDER BY rolname)
FROM grouped
HAVING count(*) > 0

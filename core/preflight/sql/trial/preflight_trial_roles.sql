-- Writers of the source as the target knows them: name, whether we may act as it, the columns that it may fill. (A role
-- without a right to insert is the business of the check "writers".)
-- database: target
-- $1 oid: the events table
-- $2 text[]: the roles
-- $3 text[]: the copied columns
SELECT r.rolname::text, pg_has_role(current_user, r.oid, 'MEMBER'), c.relrowsecurity,
       (SELECT string_agg(quote_ident(name), ', ') FROM unnest($3::text[]) name
        WHERE has_column_privilege(r.oid, $1::oid, name, 'INSERT'))
FROM pg_roles r JOIN pg_class c ON c.oid = $1::oid
WHERE r.rolname = ANY ($2::text[]) AND NOT r.rolsuper AND has_any_column_privilege(r.oid, $1::oid, 'INSERT')
ORDER BY r.rolname

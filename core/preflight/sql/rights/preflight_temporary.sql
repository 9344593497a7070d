-- The tail stages repeated events in a temporary table.
-- database: target
SELECT format('%s may not make temporary tables in %s', current_user, current_database()),
       format('GRANT TEMPORARY ON DATABASE %I TO %I;', current_database(), current_user)
WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')

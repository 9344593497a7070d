-- Which database this is: a promoted replica has the same numbers, a restored dump has not.
-- database: store
-- $1 text: schema of the events table
-- $2 text: the events table
SELECT (SELECT s.system_identifier::text FROM pg_control_system() s), d.oid::bigint,
       (SELECT c.oid::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1::text AND c.relname = $2::text AND c.relkind IN ('r', 'p'))
  FROM pg_database d WHERE d.datname = current_database()

-- Which database this is: to see whether the control tables stand in the source's own database.
-- database: any
SELECT (SELECT s.system_identifier FROM pg_control_system() s)::text || '/' || (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())

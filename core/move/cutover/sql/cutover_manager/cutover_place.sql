-- Which database this is: to see whether the control tables stand in the source's own database. A physical copy of a
-- server has the same identifier and oids, but was not started in the same microsecond.
-- database: any
SELECT (SELECT s.system_identifier FROM pg_control_system() s) || '/' || d.oid || '/' ||
       extract(epoch FROM pg_postmaster_start_time())
  FROM pg_database d WHERE d.datname = current_database()

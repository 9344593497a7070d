-- Sessions that do something on a server now, without our own, and those of which our role may not see what they do.
-- database: source
SELECT count(*) FILTER (WHERE a.state IN ('active', 'fastpath function call')),
       count(*) FILTER (WHERE a.query = '<insufficient privilege>')
  FROM pg_stat_activity a
 WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
   AND coalesce(a.application_name, '') NOT LIKE 'tenantmv/%'

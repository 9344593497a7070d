-- Connections that the role can still open here: the server's, the database's and the role's own limit.
-- database: store
SELECT least(current_setting('max_connections')::bigint
                 - current_setting('superuser_reserved_connections')::bigint
                 - coalesce(current_setting('reserved_connections', true)::bigint, 0)
                 - (SELECT sum(numbackends) FROM pg_stat_database),
             CASE WHEN d.datconnlimit >= 0 THEN d.datconnlimit
                 - (SELECT numbackends FROM pg_stat_database s WHERE s.datid = d.oid) END,
             CASE WHEN r.rolconnlimit >= 0 THEN r.rolconnlimit
                 - (SELECT count(*) FROM pg_stat_activity a WHERE a.usename = current_user) END)::bigint
FROM pg_database d, pg_roles r
WHERE d.datname = current_database() AND r.rolname = current_user

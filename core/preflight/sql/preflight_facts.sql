-- Who and where a server is, and how it keeps what it acknowledged. A physical copy of a server has the same identifier
-- and oids, but was not started in the same microsecond.
-- database: any
SELECT pg_is_in_recovery(),
       current_setting('default_transaction_read_only')::boolean,
       pg_encoding_to_char(d.encoding),
       (SELECT system_identifier FROM pg_control_system()) || '/' || d.oid || '/' ||
           extract(epoch FROM pg_postmaster_start_time()),
       current_setting('server_version'),
       current_setting('fsync')::boolean,
       current_setting('synchronous_standby_names'),
       current_setting('synchronous_commit'),
       (SELECT count(*) FROM pg_stat_replication),
       r.rolsuper
FROM pg_database d, pg_roles r
WHERE d.datname = current_database() AND r.rolname = current_user

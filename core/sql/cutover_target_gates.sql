-- What must be true of the target right before a cutover: age in ms of the oldest transaction of others that holds an xid or a
-- snapshot (it would hide new events from feed readers), and whether the server takes writes.
-- database: target
SELECT coalesce((SELECT (extract(epoch FROM clock_timestamp() - min(a.xact_start)) * 1000)::bigint
                   FROM pg_stat_activity a
                  WHERE a.pid <> pg_backend_pid() AND a.datname = current_database() AND a.backend_xid IS NOT NULL), 0),
       pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean

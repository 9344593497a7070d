-- Ends a session's wait for a synchronous standby: its transaction is committed then, on this server alone. One row: the
-- session waits for a standby and was told.
-- database: source
-- $1 int: pid of the session
SELECT pg_cancel_backend(a.pid) FROM pg_stat_activity a WHERE a.pid = $1::int AND a.wait_event = 'SyncRep'

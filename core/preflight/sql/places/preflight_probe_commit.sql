-- A record in the log, so that its commit has something to wait for.
-- database: store
SELECT pg_logical_emit_message(true, 'tenantmv', 'preflight')

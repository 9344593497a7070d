-- A record in the source's log, whose commit waits for what every commit there waits for: disk, and a synchronous standby.
-- database: source
SELECT pg_logical_emit_message(true, 'tenantmv', 'probe')

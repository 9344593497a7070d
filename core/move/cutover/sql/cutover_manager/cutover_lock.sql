-- The whole pause begins here: takes the tenant's exclusive lock and reads V on this session. From now on the database
-- itself ends the pause when this session says nothing for {{idle_ms}} ms.
-- database: source
-- script
SET LOCAL idle_in_transaction_session_timeout = {{idle_ms}};
SELECT pg_advisory_xact_lock({{key}});
SELECT coalesce(pg_sequence_last_value({{sequence_key}}), tenantmv.guard_value({{sequence_key}}))

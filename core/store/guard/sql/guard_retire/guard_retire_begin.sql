-- Begins the message that drops a resting tenant's triggers (guard_retire): no lock is waited for longer.
-- database: store
-- script
BEGIN;
SET LOCAL lock_timeout = {{lock_ms}}

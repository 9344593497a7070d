-- Waits for a transaction that may still be dropping indexes for an engine that is gone.
-- database: target
-- script
BEGIN;
LOCK TABLE {{events}} IN ACCESS SHARE MODE;
COMMIT

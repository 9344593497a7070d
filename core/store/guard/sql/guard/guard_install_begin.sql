-- Begins the transaction that installs triggers: keeps autovacuum away and blocks no writer.
-- database: store
-- script
BEGIN;
SET LOCAL lock_timeout = '5s';
LOCK TABLE {{events}} IN SHARE UPDATE EXCLUSIVE MODE

-- Locks the events table against everybody, for a moment, and says whether it holds any event. Inside a transaction.
-- database: target
-- script
SET LOCAL lock_timeout = '3s';
LOCK TABLE {{events}} IN ACCESS EXCLUSIVE MODE;
SELECT NOT EXISTS (SELECT FROM {{events}})

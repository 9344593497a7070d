-- Locks the events table against everybody, for a moment, and says whether it holds any event. Inside a transaction, in
-- which the indexes' definitions are read next: every name in them comes qualified.
-- database: target
-- script
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '3s';
LOCK TABLE {{events}} IN ACCESS EXCLUSIVE MODE;
SELECT NOT EXISTS (SELECT FROM {{events}})

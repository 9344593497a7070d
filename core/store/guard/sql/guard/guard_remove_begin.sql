-- Begins the message that drops triggers: gets the table at once or not at all, because writers queue behind it.
-- database: store
-- script
BEGIN;
SET LOCAL lock_timeout = {{lock_ms}};
LOCK TABLE {{events}} IN ACCESS EXCLUSIVE MODE

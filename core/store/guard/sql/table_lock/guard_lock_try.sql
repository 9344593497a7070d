-- Before a try for the table lock: what it did can be undone alone, and it waits for a moment only.
-- database: store
-- script
SAVEPOINT tmv_try;
SET LOCAL lock_timeout = {{lock_ms}}

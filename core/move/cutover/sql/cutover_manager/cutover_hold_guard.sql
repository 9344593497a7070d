-- Until this transaction ends nobody enables, disables, creates or drops a trigger of the events table or of a partition:
-- what the guard's catalogue rows say from here on is what writers meet. Writers are not held.
-- database: store
-- script
SET LOCAL lock_timeout = {{lock_ms}};
LOCK TABLE {{events}} IN ROW EXCLUSIVE MODE

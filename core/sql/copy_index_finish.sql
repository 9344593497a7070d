-- Makes a built index what it was: its constraint, comments, statistics targets, clustering.
-- database: target
-- script
BEGIN;
{{own}};
SET LOCAL lock_timeout = '10s';
{{attach}}
{{finish}};
COMMIT

-- Makes built indexes what they were: their constraints, comments, statistics targets, clustering.
-- database: target
-- script
BEGIN;
{{own}};
SET LOCAL lock_timeout = '10s';
{{finish}}
COMMIT

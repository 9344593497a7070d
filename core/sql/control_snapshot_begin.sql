-- One picture: everything that follows sees the same state.
-- database: control
-- script
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint

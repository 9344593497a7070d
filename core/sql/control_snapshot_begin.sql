-- One picture: everything that follows sees the same state. Compiling its statements takes longer than running them.
-- database: control
-- script
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL jit = off;
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint

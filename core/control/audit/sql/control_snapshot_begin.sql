-- One picture: everything that follows sees the same state and judges ages at the same moment, now(). Compiling its statements
-- takes longer than running them.
-- database: control
-- script
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL jit = off;
SELECT (extract(epoch FROM now()) * 1000000)::bigint

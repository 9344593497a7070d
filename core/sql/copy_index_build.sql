-- Builds one index, in its tablespace.
-- database: target
-- script
BEGIN;
SET LOCAL maintenance_work_mem = '{{memory}}MB';
SET LOCAL default_tablespace = {{tablespace}};
{{build}};
COMMIT

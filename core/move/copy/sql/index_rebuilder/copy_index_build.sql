-- Builds one index, in its tablespace. Several are built at a time, so a small table's index is not given workers of its
-- own on top: starting them and gathering their tuples costs more than it saves. Its expressions find their names as in the
-- applications' sessions.
-- database: target
-- script
BEGIN;
{{own}};
SET LOCAL maintenance_work_mem = '{{memory}}MB';
SET LOCAL default_tablespace = {{tablespace}};
SELECT set_config('max_parallel_maintenance_workers', '0', true) WHERE pg_table_size({{relation}}) < 1073741824;
SET LOCAL search_path = {{write_path}};
{{build}};
COMMIT

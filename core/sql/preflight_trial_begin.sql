-- Begins a transaction that is rolled back in any case, in which events of the source are tried on the target.
-- database: target
-- script
BEGIN READ WRITE;
CREATE TEMP TABLE tenantmv_stage ON COMMIT DROP AS SELECT {{columns}} FROM {{events}} WITH NO DATA;
GRANT SELECT ON pg_temp.tenantmv_stage TO PUBLIC;
SET LOCAL search_path = {{write_path}}

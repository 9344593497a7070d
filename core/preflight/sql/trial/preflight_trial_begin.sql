-- Begins a transaction that is rolled back in any case, in which events of the source are tried on the target.
-- database: target
-- script
BEGIN READ WRITE;
-- A trial whose engine falls silent must not keep the table: the guard is to be installed on it.
SET LOCAL idle_in_transaction_session_timeout = '2s';
CREATE TEMP TABLE tenantmv_stage ON COMMIT DROP AS SELECT {{columns}} FROM {{events}} WITH NO DATA;
GRANT SELECT ON pg_temp.tenantmv_stage TO PUBLIC;
SET LOCAL search_path = {{write_path}}

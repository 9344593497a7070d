-- A place of this session for events that may stand in the target already.
-- database: target
-- script
CREATE TEMP TABLE IF NOT EXISTS tenantmv_stage ON COMMIT DELETE ROWS AS SELECT {{columns}} FROM {{events}} WITH NO DATA

-- One event of the trial into the target's table, with everything that the table does for a row.
-- database: target
-- $1 bigint: its position
INSERT INTO {{events}} ({{columns}}) SELECT {{columns}} FROM pg_temp.tenantmv_stage WHERE {{position}} = $1::bigint

-- Moves the stage into the target's table; what stands there already stays.
-- database: target
INSERT INTO {{events}} ({{columns}}) SELECT {{columns}} FROM pg_temp.tenantmv_stage ON CONFLICT DO NOTHING

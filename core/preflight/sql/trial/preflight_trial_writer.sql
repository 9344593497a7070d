-- The trial's events into the target's table as a writer: its rights, and the row-level security that its sessions obey.
-- What is deferred is checked now, because the end of this transaction never comes.
-- database: target
-- script
SAVEPOINT writer;
SET LOCAL ROLE {{writer}};
SET LOCAL row_security = on;
INSERT INTO {{events}} ({{columns}}) SELECT {{columns}} FROM pg_temp.tenantmv_stage;
SET CONSTRAINTS ALL IMMEDIATE

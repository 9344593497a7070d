-- Begins to write a tenant's events into the target: the guard's pass, the applied row locked and checked, and the path
-- on which the table's own code finds its names.
-- database: target
-- script
BEGIN;
SET LOCAL tenantmv.pass = {{pass}};
SELECT a.watermark, a.copy_limit FROM tenantmv.applied a
 WHERE a.migration_id = {{migration}} AND a.leg = {{leg}} AND a.owner_epoch = {{owner_epoch}} AND a.state = {{state}}
   AND a.events_table = {{events_key}}
   FOR {{strength}};
SET LOCAL search_path = {{write_path}}

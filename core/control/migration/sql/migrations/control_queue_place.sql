-- How many migrations stand before a pending one at its stores; 0: it may begin.
-- database: control
-- $1 uuid: migration
SELECT tenantmv.queue_place($1::uuid)

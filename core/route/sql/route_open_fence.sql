-- Opens the tenant's new home after the source said that it moved there at this epoch. Doing it again changes nothing.
-- database: target
-- $1 uuid: tenant
-- $2 bigint: placement epoch that the source named
-- $3 regclass: events table
UPDATE tenantmv.fence SET state = 'open', changed_at = clock_timestamp(), changed_xid = pg_current_xact_id()
WHERE tenant_id = $1::uuid AND events = $3::regclass AND state = 'armed' AND placement_epoch = $2::bigint

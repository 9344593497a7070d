-- The fence row of a tenant that is not moved any more and has no triggers left. 0: this engine is not the owner here.
-- database: source
-- $1 uuid: tenant
-- $2 uuid: migration
-- $3 bigint: owner epoch
-- $4 regclass: events table
WITH owned AS MATERIALIZED (
    SELECT 1 FROM tenantmv.owner o
     WHERE o.tenant_id = $1::uuid AND o.events = $4::regclass AND o.migration_id = $2::uuid AND o.owner_epoch = $3::bigint FOR SHARE),
fence AS (
    DELETE FROM tenantmv.fence f USING owned
     WHERE f.tenant_id = $1::uuid AND f.events = $4::regclass AND f.migration_id = $2::uuid AND f.state = 'off')
SELECT count(*) FROM owned

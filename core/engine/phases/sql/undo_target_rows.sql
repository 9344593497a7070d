-- The rows that a migration leaves in the target's schema tenantmv. A tenant that had moved away from here has again, for
-- its old writers. 0: this engine is not the owner here.
-- database: target
-- $1 uuid: tenant
-- $2 uuid: migration
-- $3 bigint: owner epoch
-- $4 regclass: events table
WITH owned AS MATERIALIZED (
    SELECT 1 FROM tenantmv.owner o
     WHERE o.tenant_id = $1::uuid AND o.events = $4::regclass AND o.migration_id = $2::uuid AND o.owner_epoch = $3::bigint FOR SHARE),
away AS (
    UPDATE tenantmv.fence f
       SET state = 'moved', store_id = d.store_id, migration_id = d.migration_id, changed_at = clock_timestamp(),
           changed_xid = pg_current_xact_id()
      FROM tenantmv.departed d, owned
     WHERE f.tenant_id = $1::uuid AND f.events = $4::regclass AND f.migration_id = $2::uuid
       AND d.tenant_id = f.tenant_id AND d.events = f.events),
fence AS (
    DELETE FROM tenantmv.fence f USING owned
     WHERE f.tenant_id = $1::uuid AND f.events = $4::regclass AND f.migration_id = $2::uuid
       AND NOT EXISTS (SELECT FROM tenantmv.departed d WHERE d.tenant_id = $1::uuid AND d.events = $4::regclass)),
departed AS (
    DELETE FROM tenantmv.departed d USING owned, tenantmv.fence f
     WHERE d.tenant_id = $1::uuid AND d.events = $4::regclass AND f.tenant_id = d.tenant_id AND f.events = d.events
       AND f.migration_id = $2::uuid),
repair AS (DELETE FROM tenantmv.repair r USING owned WHERE r.migration_id = $2::uuid),
ranges AS (DELETE FROM tenantmv.copied_range r USING owned WHERE r.migration_id = $2::uuid),
applied AS (DELETE FROM tenantmv.applied a USING owned WHERE a.migration_id = $2::uuid AND a.leg = 1)
SELECT count(*) FROM owned

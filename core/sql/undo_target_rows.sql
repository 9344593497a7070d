-- The rows that a migration leaves in the target's schema tenantmv. 0: this engine is not the owner here.
-- database: target
-- $1 uuid: tenant
-- $2 uuid: migration
-- $3 bigint: owner epoch
WITH owned AS MATERIALIZED (
    SELECT 1 FROM tenantmv.owner o
     WHERE o.tenant_id = $1::uuid AND o.migration_id = $2::uuid AND o.owner_epoch = $3::bigint FOR SHARE),
fence AS (DELETE FROM tenantmv.fence f USING owned WHERE f.tenant_id = $1::uuid AND f.migration_id = $2::uuid),
ranges AS (DELETE FROM tenantmv.copied_range r USING owned WHERE r.migration_id = $2::uuid),
applied AS (DELETE FROM tenantmv.applied a USING owned WHERE a.migration_id = $2::uuid)
SELECT count(*) FROM owned
